/** What the theme leaves unsaid to who reads by ear or by keyboard, and live pages that have the theme of the page around them. */

/** Each button that copies code stands in a landmark; landmarks need names of their own. What scrolls must be reached by keyboard. */
function name(root) {
  let number = 0;
  for (const bar of root.querySelectorAll("nav.md-code__nav")) bar.setAttribute("aria-label", `Example ${++number}`);
  for (const wide of root.querySelectorAll(".md-typeset__scrollwrap, .md-typeset pre > code")) {
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
  }
}

const MARGIN = 48; // of a live page, above and below its player

/** Live pages have the theme that the reader chose here, and the height that they need. */
function dress() {
  const dark = document.body.getAttribute("data-md-color-scheme") === "slate";
  for (const frame of document.querySelectorAll("iframe.live")) {
    try {
      frame.contentWindow.bestline?.set({ dark });
      const player = frame.contentDocument.querySelector(".bestline-player");
      if (player) frame.style.height = `${Math.ceil(player.getBoundingClientRect().height) + MARGIN}px`;
    } catch {
      // From a disk every page is a stranger to every other: there they keep the style sheet's height and the system's theme.
    }
  }
}

new MutationObserver(() => name(document)).observe(document.documentElement, { childList: true, subtree: true });
for (const event of ["load", "resize"]) addEventListener(event, () => (name(document), dress()));
addEventListener("load", () => {
  new MutationObserver(dress).observe(document.body, { attributeFilter: ["data-md-color-scheme"] });
  for (const frame of document.querySelectorAll("iframe.live")) frame.addEventListener("load", dress);
});
