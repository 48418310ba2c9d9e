// While a worker is at a file: ask every two seconds, show the numbers, load anew when the next step begins.
(function () {
    "use strict";
    const box = document.getElementById("import-progress");
    if (!box) { return; }
    const bar = box.querySelector("progress");
    const told = box.querySelector("p");
    const wait = 2000;

    async function ask() {
        try {
            const answer = await fetch(box.dataset.url, { headers: { Accept: "application/json" } });
            if (answer.redirected || !answer.ok) { return; }
            const now = await answer.json();
            if (now.state !== box.dataset.state || now.job !== box.dataset.job) {
                if (now.state !== box.dataset.state || now.job === "failed" || now.job === "paused") {
                    window.location.reload();
                    return;
                }
            }
            if (now.percent) { bar.value = now.percent; }
            told.textContent = now.told;
        } catch (error) {
            // Offline for a moment: the next question may get through.
        }
        window.setTimeout(ask, wait);
    }
    window.setTimeout(ask, 700);
}());
