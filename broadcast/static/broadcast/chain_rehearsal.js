"use strict";

/* Plays a chain on the telephone of the page. Where it stands comes signed with each turn and goes back with the next. */
(() => {
    const root = document.getElementById("rehearsal");
    const find = (name) => root.querySelector(`[data-${name}]`);
    const [talk, form, say, send, facts, notes] = ["talk", "form", "say", "send", "facts", "notes"].map(find);
    const csrf = root.querySelector("[name=csrfmiddlewaretoken]").value;
    const buttons = [...root.querySelectorAll("[data-event]")];
    let token = "";
    let number = 0;

    const add = (parent, tag, text, className = "") => {
        const element = document.createElement(tag);
        element.textContent = text;
        element.className = className;
        parent.append(element);
        return element;
    };
    const bubble = (text, kind) => {
        add(talk, "p", text, `chain-bubble is-${kind}`);
        talk.scrollTop = talk.scrollHeight;
    };
    const wait = (isWaiting) => {
        [say, send, ...buttons].forEach((control) => {
            control.disabled = isWaiting;
        });
    };
    const show = (scene) => {
        token = scene.token;
        if (scene.text) {
            bubble(scene.text, "ours");
        }
        const runs = scene.state === "running";
        if (!runs) {
            bubble(`${scene.state_text}. ${scene.reason}`, "note");
        }
        wait(!runs);
        buttons.forEach((button) => {
            button.disabled = !runs || scene[`${button.dataset.event}_minutes`] === null;
        });
        facts.replaceChildren();
        const rows = [["State", scene.state_text], ["Waits at", scene.step || "-"], ["Score", scene.score]];
        rows.push(...Object.entries(scene.answers));
        rows.forEach(([name, value]) => {
            add(facts, "dt", name);
            add(facts, "dd", value);
        });
        scene.notes.forEach((note) => add(notes, "li", note));
        if (runs) {
            say.focus({ preventScroll: true });
        }
    };
    const turn = async (fields) => {
        const mine = (number += 1);
        wait(true);
        let scene;
        try {
            const body = new URLSearchParams({ token, ...fields });
            const response = await fetch(root.dataset.url, { method: "POST", body, headers: { "X-CSRFToken": csrf } });
            scene = await response.json();
        } catch {
            scene = { error: "The console did not answer. Start again in a moment." };
        }
        // A restart in the meantime has taken its place.
        if (mine !== number) {
            return;
        }
        if (scene.error) {
            bubble(scene.error, "note");
            return;
        }
        show(scene);
    };
    const restart = () => {
        token = "";
        talk.replaceChildren();
        notes.replaceChildren();
        turn({});
    };

    form.addEventListener("submit", (event) => {
        event.preventDefault();
        const text = say.value.trim();
        if (text) {
            say.value = "";
            bubble(text, "theirs");
            turn({ event: "answer", text });
        }
    });
    buttons.forEach((button) => {
        button.addEventListener("click", () => {
            bubble(button.textContent, "note");
            turn({ event: button.dataset.event });
        });
    });
    find("restart").addEventListener("click", restart);
    restart();
})();
