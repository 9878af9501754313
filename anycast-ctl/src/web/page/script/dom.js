// What the page should look like, as a tree, and the least change that makes it so. Text only ever becomes text nodes and
// attributes: nothing from the daemon is read as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Elements by the node they were last brought to. */
const drawn = new WeakMap();

/**
 * A node. Properties are attributes, but for `key` (which one it is among its siblings), `on` (listeners by event), `style`
 * (an object), and `hook` (called with the element each time that all has been brought up to date).
 */
export function h(tag, properties, ...children) {
  const kept = children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false);
  return { tag, properties: properties ?? {}, children: kept };
}

/** Elements with hooks that wait for the last change: only then does each have its size. */
let hooked = [];

/** Brings the children of an element to these nodes and texts. */
export function patch(parent, children) {
  bringChildren(parent, children);
  const waiting = hooked;
  hooked = [];
  for (const [hook, element] of waiting) hook(element);
}

function bringChildren(parent, children) {
  let keyed = null;
  let at = parent.firstChild;
  for (const child of children) {
    if (typeof child !== "object") {
      const text = String(child);
      if (at?.nodeType === Node.TEXT_NODE) {
        if (at.data !== text) at.data = text;
        at = at.nextSibling;
      } else {
        parent.insertBefore(document.createTextNode(text), at);
      }
      continue;
    }
    let element = at;
    if (!isAt(at, child)) {
      keyed ??= byKey(at);
      const known = child.properties.key === undefined ? undefined : keyed.get(child.properties.key);
      element = isAt(known, child) ? known : create(child, parent);
      parent.insertBefore(element, at);
    } else {
      at = at.nextSibling;
    }
    bring(element, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** Whether an element can become that node. */
function isAt(element, node) {
  const was = drawn.get(element);
  return was !== undefined && was.tag === node.tag && was.properties.key === node.properties.key;
}

function byKey(from) {
  const keyed = new Map();
  for (let element = from; element; element = element.nextSibling) {
    const key = drawn.get(element)?.properties.key;
    if (key !== undefined) keyed.set(key, element);
  }
  return keyed;
}

function create(node, parent) {
  const inSvg = node.tag === "svg" || parent.namespaceURI === SVG;
  const element = inSvg ? document.createElementNS(SVG, node.tag) : document.createElement(node.tag);
  drawn.set(element, { tag: node.tag, properties: {} });
  return element;
}

function bring(element, node) {
  const before = drawn.get(element).properties;
  drawn.set(element, node);
  for (const name of Object.keys(before)) {
    if (!(name in node.properties)) set(element, name, undefined, before[name]);
  }
  for (const [name, value] of Object.entries(node.properties)) {
    if (before[name] !== value) set(element, name, value, before[name]);
  }
  bringChildren(element, node.children);
  if (node.properties.hook) hooked.push([node.properties.hook, element]);
}

function set(element, name, value, before) {
  switch (name) {
    case "key":
    case "hook":
      return;
    case "on":
      for (const event of Object.keys({ ...before, ...value }))
        element[`on${event}`] = value?.[event] ?? null;
      return;
    case "style":
      for (const [property, wanted] of Object.entries(value ?? {})) {
        if (before?.[property] !== wanted) element.style.setProperty(property, wanted);
      }
      return;
    case "disabled":
    case "checked":
      element[name] = Boolean(value);
      return;
    case "href":
      // Links lead to places of the page, and to the daemon.
      if (!/^[#/](?!\/)/.test(value ?? "#")) return;
  }
  if (value === undefined || value === null || value === false) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}
