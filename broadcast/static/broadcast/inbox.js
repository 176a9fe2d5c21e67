"use strict";

/* The inbox: keeps the place in a thread when new messages come, counts segments, sends with Ctrl+Enter, fills in canned replies. */
(() => {
    const NEAR_THE_END_PIXELS = 60;
    const scroll = () => document.querySelector("[data-inbox-scroll]");
    const composer = () => document.querySelector("form.inbox-composer");
    const toEnd = () => {
        const box = scroll();
        if (box) {
            box.scrollTop = box.scrollHeight;
        }
    };

    /* As integrations/sms/segments.py counts: what does not fit into one segment is split into smaller ones, and no pair is parted. */
    const count = (text, basic, extension) => {
        const characters = [...text];
        const odd = [...new Set(characters.filter((one) => !basic.includes(one) && !extension.includes(one)))];
        const [single, part] = odd.length ? [70, 67] : [160, 153];
        const width = (one) => (odd.length ? one.length : 1 + extension.includes(one));
        const units = characters.reduce((sum, one) => sum + width(one), 0);
        if (units <= single) {
            return { odd, segments: Math.min(units, 1), left: single - units };
        }
        let filled = 0;
        characters.forEach((one) => {
            filled += width(one) === 2 && filled % part === part - 1 ? 3 : width(one);
        });
        const segments = Math.ceil(filled / part);
        return { odd, segments, left: segments * part - filled };
    };

    const recount = () => {
        const form = composer();
        const text = form ? form.elements.text.value.trim() : "";
        if (!text) {
            return;
        }
        const { odd, segments, left } = count(text, form.dataset.basic, form.dataset.extension);
        const why = odd.length ? `UCS-2 because of ${odd.slice(0, 5).join(" ")}` : "GSM-7";
        const counter = document.getElementById("inbox-counter");
        counter.textContent = `${segments} ${segments === 1 ? "segment" : "segments"}, ${left} left (${why})`;
    };

    const refuse = (text) => {
        const box = document.querySelector(".inbox-refusal");
        if (box) {
            box.textContent = text;
            box.hidden = false;
        }
    };

    const refreshList = () => {
        const list = document.getElementById("inbox-list");
        if (list) {
            window.htmx.trigger(list, "refresh");
        }
    };

    const markRead = () => {
        const thread = document.getElementById("inbox-thread");
        const form = composer();
        if (!thread || !form || !thread.dataset.readUrl || document.hidden) {
            return;
        }
        const body = new FormData();
        body.set("seen", thread.dataset.seen);
        body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
        const url = thread.dataset.readUrl;
        delete thread.dataset.readUrl;
        const again = () => {
            thread.dataset.readUrl = url;
        };
        // 204 is its answer; a login page that somebody is led to has another.
        fetch(url, { method: "POST", body }).then((answer) => (answer.status === 204 ? refreshList() : again()), again);
    };

    const fillIn = async (select) => {
        const url = select.value;
        select.value = "";
        if (!url) {
            return;
        }
        const answer = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
        const said = answer && (answer.ok || answer.status === 422) ? await answer.json().catch(() => null) : null;
        if (!said || said.error) {
            refuse(said ? said.error : "The canned reply did not come: look at your connection and choose it again.");
            return;
        }
        const field = composer().elements.text;
        const before = field.value && !/\s$/.test(field.value) ? " " : "";
        field.setRangeText(before + said.text, field.value.length, field.value.length, "end");
        field.focus();
        recount();
    };

    /* What the writer has seen: as the thread was when the text was begun. Until then it moves on with the thread. */
    const noteSeen = () => {
        const thread = document.getElementById("inbox-thread");
        const form = composer();
        if (thread && form && !form.elements.text.value.trim()) {
            form.elements.seen.value = thread.dataset.seen;
        }
    };

    const title = document.title;
    const showUnread = () => {
        const list = document.getElementById("inbox-list");
        const unread = list && list.dataset.unread !== "0" ? list.dataset.unread : "";
        document.title = unread ? `(${unread}) ${title.trim()}` : title;
        // The sidebar counts too, and is made only when a page is opened.
        const item = list && document.querySelector(`#nav-sidebar a[href="${list.dataset.home}"]`);
        if (!item) {
            return;
        }
        let badge = item.querySelector("[data-inbox-badge]") || item.querySelector("span:nth-of-type(3)");
        if (!badge) {
            badge = document.createElement("span");
            badge.className = "inbox-count";
            item.append(badge);
        }
        badge.dataset.inboxBadge = "";
        badge.textContent = unread;
        badge.hidden = !unread;
    };

    let place = null;
    document.addEventListener("htmx:beforeSwap", () => {
        const box = scroll();
        const list = document.getElementById("inbox-list");
        const isAtEnd = box && box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_THE_END_PIXELS;
        place = { isAtEnd, thread: box ? box.scrollTop : 0, list: list ? list.scrollTop : 0 };
    });
    /* Right after the swap, in the same step as before it: whoever scrolls while it settles is not taken back. */
    document.addEventListener("htmx:afterSwap", () => {
        const box = scroll();
        const list = document.getElementById("inbox-list");
        if (place && list) {
            list.scrollTop = place.list;
        }
        if (place && box) {
            box.scrollTop = place.isAtEnd ? box.scrollHeight : place.thread;
        }
        place = null;
    });
    document.addEventListener("htmx:afterSettle", (event) => {
        if (event.target.id === "inbox-composer") {
            const form = composer();
            const refusal = form && form.querySelector(".inbox-refusal");
            if (refusal && refusal.hidden) {
                toEnd();
            }
            if (form) {
                form.elements.text.focus();
            }
            refreshList();
            recount();
        }
        const send = document.querySelector("[data-inbox-send]");
        if (send) {
            send.disabled = Boolean(document.querySelector(".inbox-obstacle"));
        }
        noteSeen();
        markRead();
        showUnread();
    });
    const notSent = (event) => {
        if (event.target.id === "inbox-composer") {
            refuse("The server did not answer as it should: it may have been sent. Look at the thread, or press Send again: what has gone out is not sent twice.");
        }
    };
    document.addEventListener("htmx:sendError", notSent);
    document.addEventListener("htmx:responseError", notSent);

    document.addEventListener("input", (event) => {
        if (event.target.name === "text") {
            noteSeen();
            recount();
        }
    });
    document.addEventListener("keydown", (event) => {
        const form = event.target.closest && event.target.closest("form.inbox-composer");
        if (form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            const button = form.querySelector("[data-inbox-send]");
            if (!button.disabled) {
                // A click, because htmx sends the name of the button that was clicked, or else of the one that has the focus.
                button.click();
            }
        }
    });
    document.addEventListener("change", (event) => {
        if (event.target.id === "inbox-canned") {
            fillIn(event.target);
        } else if (event.target.matches("[data-inbox-submits]")) {
            event.target.form.requestSubmit();
        }
    });
    document.addEventListener("click", (event) => {
        const fold = event.target.closest("[data-inbox-fold]");
        if (fold) {
            const isOpen = document.getElementById("inbox-side").classList.toggle("is-open");
            fold.setAttribute("aria-expanded", String(isOpen));
        }
    });
    document.addEventListener("visibilitychange", markRead);

    toEnd();
    /* The thread grows when the font arrives; whoever has scrolled meanwhile stays where they are. */
    const beganAt = scroll()?.scrollTop;
    document.fonts.ready.then(() => {
        if (scroll()?.scrollTop === beganAt) {
            toEnd();
        }
    });
    markRead();
    recount();
    showUnread();
})();
