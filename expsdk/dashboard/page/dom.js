// Elements from values, and an old tree made equal to a new one with as little change as possible: what the user
// holds (focus, selection, open details, scroll positions) stays, and nothing flickers.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "rect", "path", "title", "line", "circle"]);

// Whatever is told by experiments becomes text nodes and attribute values here, never markup.
export function h(tag, attributes = {}, ...children) {
  const node = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "spec") node.spec = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false || child === "") continue;
    if (Array.isArray(child)) append(node, child);
    else node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

export function morph(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if ("spec" in old && old.spec !== undefined) {
    old.spec = fresh.spec;
    return;
  }
  morphAttributes(old, fresh);
  morphChildren(old, fresh);
  if (old.tagName === "SELECT" && old !== document.activeElement) old.value = fresh.value;
}

function morphAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (name === "open" && old.tagName === "DETAILS") continue; // the user's
    if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (name === "open" && old.tagName === "DETAILS") continue;
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (old.tagName === "INPUT" && old !== document.activeElement) {
    old.value = fresh.getAttribute("value") ?? "";
    old.checked = fresh.hasAttribute("checked");
  }
}

function morphChildren(old, fresh) {
  const keyed = new Map();
  for (const child of old.children) {
    const key = child.getAttribute("data-key");
    if (key !== null) keyed.set(key, child);
  }
  let place = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const match = find(child, place, keyed);
    if (match === null) old.insertBefore(child, place);
    else {
      if (match === place) place = place.nextSibling;
      else old.insertBefore(match, place);
      morph(match, child);
    }
  }
  while (place !== null) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function find(child, place, keyed) {
  const key = child.nodeType === Node.ELEMENT_NODE ? child.getAttribute("data-key") : null;
  if (key !== null) {
    const match = keyed.get(key);
    return match && match.nodeName === child.nodeName ? match : null;
  }
  if (place === null || place.nodeName !== child.nodeName) return null;
  return place.nodeType === Node.ELEMENT_NODE && place.hasAttribute("data-key") ? null : place;
}
