// The search box is ready for typing and for scanners. Browsers may skip `autofocus` (a page that was opened in
// the background, a slow style sheet), and a clerk would type into nothing.
(function () {
    "use strict";
    function focus() {
        var box = document.getElementById("sk-find");
        var active = document.activeElement;
        if (box && (!active || active === document.body)) {
            box.focus();
        }
    }
    if (document.readyState === "loading") {
        document.addEventListener("DOMContentLoaded", focus);
    } else {
        focus();
    }
    window.addEventListener("load", focus);
})();
