"""Reading: in which order a browser puts what stands in a text."""

from __future__ import annotations

# Where on the screen a text lies that stands within an element: its left edge.
LEFT_ENDS = """([within, texts]) => {
  const nodes = [], walk = document.createTreeWalker(document.querySelector(within), NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) nodes.push(walk.currentNode);
  return texts.map((text) => {
    const node = nodes.find((one) => one.data.includes(text)), range = document.createRange(), at = node.data.indexOf(text);
    range.setStart(node, at);
    range.setEnd(node, at + text.length);
    return range.getBoundingClientRect().left;
  });
}"""
