// The bell in the header: while its page is in sight, ask once a minute whether there is something new to look at.
(function () {
    "use strict";
    const bell = document.getElementById("sk-bell");
    if (!bell) { return; }
    const count = bell.querySelector(".sk-bell-count");
    const said = bell.querySelector("[aria-live]");
    const every = 60000;
    let asked = Date.now();
    let over = false;

    async function ask() {
        if (over || document.visibilityState !== "visible" || Date.now() - asked < every - 1000) { return; }
        asked = Date.now();
        try {
            // Signed out, or sent somewhere else first: nothing more to ask for on this page.
            const answer = await fetch(bell.dataset.ask, { headers: { Accept: "application/json" }, redirect: "manual" });
            if (answer.type === "opaqueredirect" || answer.status === 403) { over = true; return; }
            if (!answer.ok) { return; }
            const now = await answer.json();
            count.textContent = now.shown;
            if (said.textContent !== now.said) { said.textContent = now.said; }
        } catch (error) {
            // Offline for a moment: the next question may get through.
        }
    }

    window.setInterval(ask, every);
    document.addEventListener("visibilitychange", ask);
}());
