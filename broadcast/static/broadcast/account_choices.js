"use strict";

/* Autocompletes marked with data-of-account offer only what belongs to the form's account; of two fields that name each other with
   data-instead-of, choosing one empties the other. The form checks both again when it is saved. */
window.addEventListener("load", () => {
    const $ = window.django && window.django.jQuery;
    if (!$) {
        return;
    }
    const fields = document.querySelectorAll("select[data-of-account]");
    const choose = (account) => {
        fields.forEach((field) => {
            const select = $(field).data("select2");
            if (select) {
                const url = new URL(field.dataset.ajaxUrl || field.getAttribute("data-ajax--url"), window.location.href);
                url.searchParams.set("account", account || "0");
                select.dataAdapter.ajaxOptions.url = url.pathname + url.search;
            }
        });
    };
    document.querySelectorAll("select[data-instead-of]").forEach((field) => {
        $(field).on("change", () => {
            const other = $(document.getElementById(field.dataset.insteadOf));
            if (field.value && other.val()) {
                other.val(null).trigger("change");
            }
        });
    });
    const account = document.getElementById("id_account");
    if (!account) {
        fields.forEach((field) => choose(field.dataset.ofAccount));
        return;
    }
    let chosen = account.value;
    choose(chosen);
    $(account).on("change", () => {
        // The admin's own scripts announce a change when the page has loaded, too.
        if (account.value === chosen) {
            return;
        }
        chosen = account.value;
        choose(chosen);
        fields.forEach((field) => $(field).val(null).trigger("change"));
    });
});
