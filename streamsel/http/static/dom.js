// Builds elements. Text is inserted as text, never as markup.

/** Returns a new element; null and false omit an attribute or a child, true makes it empty. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Returns a new SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

/** Sets the text of a node unless it is unchanged. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Returns the element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== false));
  return node;
}
