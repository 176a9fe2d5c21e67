"use strict";

/* Says so when no answer comes for a part of the page that is asked for again and again: htmx leaves it as it last was. */
(() => {
    const AGAIN_MILLISECONDS = 3000;
    const WORDS = "Not live: the console does not answer as it should. This is how things stood; the page tries again by itself.";
    const isLive = (part) => (part.getAttribute("hx-trigger") || "").startsWith("every ");
    const failed = new Set();

    const show = () => {
        let note = document.getElementById("not-live");
        if (failed.size && !note) {
            note = document.createElement("div");
            note.id = "not-live";
            note.className = "console-note console-note-danger console-not-live";
            note.setAttribute("role", "status");
            note.textContent = WORDS;
            document.body.append(note);
        } else if (!failed.size && note) {
            note.remove();
        }
    };

    document.addEventListener("htmx:afterRequest", ({ detail }) => {
        // Not detail.elt: that is a neighbour once the part has been replaced.
        const part = detail.requestConfig.elt;
        if (isLive(part)) {
            // By its id: after an answer another element stands in its place.
            if (detail.successful) {
                failed.delete(part.id);
            } else {
                failed.add(part.id);
            }
            show();
        } else if (!detail.successful && (part.getAttribute("hx-trigger") || "").startsWith("load")) {
            // What is asked for once is asked for until it comes.
            setTimeout(() => window.htmx.trigger(part, "again"), AGAIN_MILLISECONDS);
        }
    });
})();
