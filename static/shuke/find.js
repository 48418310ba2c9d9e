// The one search box: ready for typing where it is the page's purpose, a keystroke away elsewhere ("/" or Ctrl-K),
// and always ready for a scanner, which is a fast keyboard that ends with Enter.
(function () {
    "use strict";
    // A person needs more than this between two digits; a scanner a tenth of it.
    var FAST_MS = 60;
    // Shorter runs of digits are somebody's keyboard.
    var SCANNED_FROM = 8;
    var scanned = "";
    var last = 0;

    function box() {
        return document.getElementById("sk-find");
    }

    function editable(element) {
        return Boolean(element && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName)));
    }

    function focus() {
        var input = box();
        if (input) {
            input.focus();
            // The next scan replaces what was looked for before.
            input.select();
        }
    }

    // Browsers may skip `autofocus` (a page that was opened in the background, a slow style sheet), and a clerk
    // would type into nothing.
    function focusFirst() {
        var first = document.querySelector("[autofocus]");
        var active = document.activeElement;
        if (!first || (active && active !== document.body && active !== first)) {
            return;
        }
        if (first !== box()) {
            first.focus();
        } else if (active !== first || first.selectionStart === first.selectionEnd) {
            focus();
        }
    }

    // While capturing, so that the theme's command palette does not open over the same keys.
    window.addEventListener("keydown", function (event) {
        var input = box();
        if (!input || event.isComposing) {
            return;
        }
        if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
            event.preventDefault();
            event.stopImmediatePropagation();
            focus();
            return;
        }
        if (editable(event.target) || event.ctrlKey || event.metaKey || event.altKey) {
            return;
        }
        if (event.key === "/") {
            event.preventDefault();
            focus();
            return;
        }
        // Nothing has the focus: digits in a scanner's rhythm are collected and looked up.
        var fast = event.timeStamp - last < FAST_MS;
        last = event.timeStamp;
        if (/^[0-9]$/.test(event.key)) {
            scanned = fast ? scanned + event.key : event.key;
        } else if (event.key === "Enter" && fast && scanned.length >= SCANNED_FROM) {
            event.preventDefault();
            window.location.assign(input.dataset.find + "?q=" + encodeURIComponent(scanned));
            scanned = "";
        } else if (event.key !== "Shift") {
            scanned = "";
        }
    }, true);

    document.addEventListener("click", function (event) {
        if (event.target.closest && event.target.closest("[data-print]")) {
            window.print();
        }
    });

    if (document.readyState === "loading") {
        document.addEventListener("DOMContentLoaded", focusFirst);
    } else {
        focusFirst();
    }
    window.addEventListener("load", focusFirst);
})();
