"use strict";

/* A step's form shows only what its kind uses. */
window.addEventListener("load", () => {
    const ASK = ["answer_kind", "save_to", "retry_text", "most_tries", "then_to", "points_text", "reminder_minutes", "reminder_text", "timeout_minutes", "timeout_to", "assign_to"];
    const OF_KIND = { send: [], ask: [...ASK, "branches_text"], branch: ["branches_text"], join: ["list"], hand_over: ["assign_to"], end: [] };
    const OF_ANSWER = { choice: ["choices_text"], number: ["minimum", "maximum"], date: ["minimum", "maximum"], text: ["minimum", "maximum"] };
    const ALWAYS_KNOWN = [...ASK, "branches_text", "list", "choices_text", "minimum", "maximum"];

    const update = (select) => {
        const prefix = select.id.slice(0, -"kind".length);
        const kind = select.value;
        const answer = document.getElementById(`${prefix}answer_kind`);
        const shown = [...(OF_KIND[kind] || []), ...(kind === "ask" && answer ? OF_ANSWER[answer.value] || [] : [])];
        if (kind !== "end" && kind !== "hand_over") {
            shown.push("goes_to");
        }
        [...ALWAYS_KNOWN, "goes_to"].forEach((name) => {
            const control = document.getElementById(prefix + name);
            const line = control && (control.closest(".field-row"));
            if (line) {
                line.hidden = !shown.includes(name);
                line.style.display = line.hidden ? "none" : "";
            }
        });
    };
    const all = () => document.querySelectorAll("select[id^=id_steps-][id$=-kind]:not([id$=answer_kind])").forEach(update);
    document.addEventListener("change", (event) => {
        if (/^id_steps-\d+-(answer_)?kind$/.test(event.target.id)) {
            all();
        }
    });
    document.addEventListener("formset:added", all);
    all();
});
