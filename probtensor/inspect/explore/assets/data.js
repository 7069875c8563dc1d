// The data of the page, and what follows from it: lines, names, users and groups of nodes.

const D = JSON.parse(document.getElementById("data").textContent);
const T = D.table;
const N = T.op.length;

const $ = (id) => document.getElementById(id);
const el = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((x) => x != null));
  return made;
};
const icon = (path) => {
  const made = el("span");
  made.innerHTML = `<svg viewBox="0 0 20 20"><path d="${path}"/></svg>`;
  return made.firstChild;
};

const kindOf = (n) => T.ops[T.op[n]][2];
const opName = (n) => T.ops[T.op[n]][0];
const opText = (n) => T.ops[T.op[n]][1];
const typeOf = (n) => T.types[T.type[n]];
const KIND = Object.fromEntries(T.kinds.map((name, k) => [name, k]));
const isConstant = (n) => kindOf(n) === KIND.constant;
const isScalarConstant = (n) => isConstant(n) && !typeOf(n).includes("[");
const bodiesOf = (n) => T.bodiesOf[T.op[n]] || [];

// A node in a few words: its name, or the op with the constants it reads.
function labelOf(n) {
  if (T.names[n] !== undefined) return T.names[n];
  const name = opName(n);
  if (kindOf(n) === KIND.part) {
    const index = /\d+/.exec(opText(n));
    return `${opName(T.inputs[n][0])}[${index ? index[0] : ""}]`;
  }
  const constants = T.inputs[n].filter(isScalarConstant).map(opName);
  return constants.length ? `${name} ${constants.join(" ")}` : name;
}

const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
// Sizes are written with the names of inputs, which are long: x.shape[0] as x₀, and the size that
// x₀ and y₀ broadcast to as x₀∨y₀.
const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";
const shortTypes = T.types.map((text) =>
  text
    .replace(/\.shape\[(\d)\]/g, (_, k) => SUBSCRIPTS[k])
    .replace(/broadcast\(([^()]+)\)/g, (_, sizes) => sizes.split(", ").join("∨")),
);
const shortType = (n) => shortTypes[T.type[n]];

// All nodes that some nodes need, inputs first.
function ordered(outputs) {
  const done = new Uint8Array(N),
    found = [],
    stack = [];
  for (const output of outputs) {
    stack.push(output);
    while (stack.length) {
      const n = stack[stack.length - 1];
      if (done[n] === 2) {
        stack.pop();
        continue;
      }
      if (done[n] === 1) {
        done[n] = 2;
        found.push(stack.pop());
        continue;
      }
      done[n] = 1;
      const inputs = T.inputs[n];
      for (let k = inputs.length - 1; k >= 0; k--) if (!done[inputs[k]]) stack.push(inputs[k]);
    }
  }
  return found;
}

// The nodes of a graph and of all bodies in it.
function withBodies(outputs) {
  const all = new Set(),
    seen = new Set(),
    waiting = [outputs];
  while (waiting.length) {
    for (const n of ordered(waiting.pop())) {
      if (all.has(n)) continue;
      all.add(n);
      for (const b of bodiesOf(n)) {
        if (seen.has(b)) continue;
        seen.add(b);
        waiting.push([...T.bodies[b].outputs, ...T.bodies[b].parameters]);
      }
    }
  }
  return all;
}

const finalNodes = withBodies(D.outputs);
const files = D.sources.files;
const lineText = (id) => {
  const [file, line] = D.sources.lines[id];
  const known = files[file];
  return (known.text ? known.text[line - 1] : known.rows[line]) || "";
};
const fileName = (path) => path.replace(/^.*[\\/]/, "");
const lineName = (id) => {
  const [file, line] = D.sources.lines[id];
  return `${fileName(files[file].path)}:${line}`;
};

// The name of a function around each line, for groups.
const functionNames = new Map();
function functionOf(id) {
  if (!functionNames.has(id)) functionNames.set(id, functionAround(id));
  return functionNames.get(id);
}

function functionAround(id) {
  if (id < 0) return "";
  const [file, line] = D.sources.lines[id];
  let found = "",
    size = Infinity;
  for (const [name, first, last] of files[file].functions) {
    if (first <= line && line <= last && last - first < size) [found, size] = [name, last - first];
  }
  return found || `${fileName(files[file].path)}`;
}

// Units.

function amount(value, unit) {
  if (value === 0) return `0${unit ? " " + unit : ""}`;
  const scales =
    unit === "s"
      ? [
          [1, "s"],
          [1e-3, "ms"],
          [1e-6, "µs"],
          [1e-9, "ns"],
        ]
      : unit === "B"
        ? [
            [2 ** 30, "GiB"],
            [2 ** 20, "MiB"],
            [1024, "KiB"],
            [1, "B"],
          ]
        : [
            [1e9, "G"],
            [1e6, "M"],
            [1e3, "k"],
            [1, ""],
          ];
  const [scale, name] = scales.find(([s]) => value >= s) || scales[scales.length - 1];
  const scaled = value / scale;
  const digits =
    scaled >= 100 || (unit !== "s" && Number.isInteger(scaled)) ? 0 : scaled >= 10 ? 1 : 2;
  return `${scaled.toFixed(digits)}${name ? " " + name : ""}`;
}
