"use strict";

/* Of an action's fields only those show that its kind uses (data-used-by: names of kinds). The form empties the others when it is saved. */
window.addEventListener("load", () => {
    const KINDS = "select[name^='actions-'][name$='-kind']";
    const show = (kind) => {
        kind.closest(".form-group").querySelectorAll("[data-used-by]").forEach((field) => {
            field.closest(".field-row").hidden = !field.dataset.usedBy.split(" ").includes(kind.value);
        });
    };
    const showAll = () => document.querySelectorAll(KINDS).forEach(show);
    showAll();
    document.addEventListener("formset:added", showAll);
    document.addEventListener("change", (event) => {
        if (event.target.matches(KINDS)) {
            show(event.target);
        }
    });
});
