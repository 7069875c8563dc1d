// Colours: what a node is, and what it costs by one of four measures.

const MEASURES = {
  none: { title: "None" },
  time: { title: "Time", unit: "s", column: 3 },
  flops: { title: "Operations", unit: "" },
  bytes: { title: "Traffic", unit: "B", column: 2 },
  memory: { title: "Memory", unit: "B" },
};
let measure = "none", heatNow = null;

const HUES = { input: 150, constant: null, part: null, product: 28, fold: 268, index: 330, view: null, routine: 8, elementwise: 218, loop: 184, other: null };
const kindColours = new Map();
function kindColour(kind) {
  if (kindColours.has(kind)) return kindColours.get(kind);
  const dark = document.documentElement.dataset.theme === "dark", hue = kind < 0 ? 45 : HUES[T.kinds[kind]];
  const made = hue === null || hue === undefined
    ? dark ? ["#1f242b", "#4a535f"] : ["#f6f7f9", "#bcc3cd"]
    : dark ? [`hsl(${hue} 34% 19%)`, `hsl(${hue} 38% 46%)`] : [`hsl(${hue} 78% 96.5%)`, `hsl(${hue} 44% 62%)`];
  kindColours.set(kind, made);
  return made;
}

const RAMP = { light: [[255, 243, 205], [250, 178, 92], [214, 62, 48]], dark: [[58, 50, 32], [178, 108, 34], [242, 84, 66]] };
function heatColour(share, alpha = 1) {
  const ramp = RAMP[document.documentElement.dataset.theme === "dark" ? "dark" : "light"];
  const at = Math.min(1, Math.max(0, share)) * 2, k = Math.min(1, Math.floor(at)), f = at - k;
  const [r, g, b] = [0, 1, 2].map((i) => Math.round(ramp[k][i] + (ramp[k + 1][i] - ramp[k][i]) * f));
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}

// The present measure: of nodes, names and lines; null for none.
const colouring = () => heatNow;

function measured(which) {
  const node = new Map(), name = new Map(), line = new Map();
  let total = 0;
  const add = (map, key, value) => { if (value) map.set(key, (map.get(key) || 0) + value); };
  const valueOf = (row) => (which === "flops" ? row[0] + row[1] : row[MEASURES[which].column]);
  if (which === "memory") {
    for (const buffer of D.buffers) {
      add(node, buffer.node, buffer.bytes); add(line, T.line[buffer.node], buffer.bytes);
      D.kernels.forEach((kernel, k) => add(name, nameKey(k, buffer.name), buffer.bytes));
      total += buffer.bytes;
    }
    return { node, name, line, total };
  }
  const scale = D.kernels.map((kernel, k) => {
    if (which !== "time") return 1;
    const whole = Object.values(kernel.costs).reduce((sum, row) => sum + row[3], 0);
    return whole ? (D.times?.kernels[k] || 0) / whole : 0;
  });
  D.kernels.forEach((kernel, k) => {
    for (const [own, row] of Object.entries(kernel.costs)) add(name, nameKey(k, own), valueOf(row) * scale[k]);
    if (which === "time") total += D.times?.kernels[k] || 0;
    else total += Object.values(kernel.costs).reduce((sum, row) => sum + valueOf(row), 0);
  });
  for (const [n, row] of Object.entries(D.costs.nodes)) {
    const kernel = Number((namesOfNode.get(Number(n)) || ["0:"])[0].split(":")[0]);
    const value = valueOf(row) * (scale[kernel] ?? 0);
    add(node, Number(n), value);
    if (which === "time") add(line, T.line[n], value);
  }
  if (which !== "time") for (const [id, row] of Object.entries(D.costs.lines)) add(line, Number(id), valueOf(row));
  if (which === "time") byMeasuredLines(node, name, line);
  return { node, name, line, total };
}

function setMeasure(which) {
  measure = which;
  heatNow = null;
  if (which !== "none") {
    const { node, name, line, total } = measured(which), unit = MEASURES[which].unit;
    heatNow = {
      unit, total,
      node: (n) => node.get(n) || 0, name: (key) => name.get(key) || 0, line: (id) => line.get(id) || 0,
      shareOf: (value) => Math.sqrt(total ? Math.min(1, value / total) : 0),
      text: (value) => amount(value, unit),
    };
  }
  return heatNow;
}

// Where a profile has the seconds of lines, nodes and statements are scaled to these.
function byMeasuredLines(node, name, line) {
  const before = new Map(node);
  for (const [id, seconds] of Object.entries(D.times?.lines || {})) {
    const guessed = line.get(Number(id));
    line.set(Number(id), seconds);
    if (guessed) for (const n of nodesOfLine.get(Number(id)) || []) if (node.has(n)) node.set(n, node.get(n) * seconds / guessed);
  }
  const sum = (map, nodes) => nodes.reduce((whole, n) => whole + (map.get(n) || 0), 0);
  for (const [key, value] of name) {
    const nodes = nodesOfName.get(key) || [], guessed = sum(before, nodes);
    if (guessed) name.set(key, value * sum(node, nodes) / guessed);
  }
}

// The name whose cost that of a name is: scratch memory of a sum has the node of the sum.
const costNames = new Map();
function costName(key) {
  if (costNames.has(key)) return costNames.get(key);
  const own = D.kernels[key.slice(0, key.indexOf(":"))].costs, plain = key.slice(key.indexOf(":") + 1);
  let found = key;
  if (!own[plain]) {
    for (const n of nodesOfName.get(key) || []) for (const other of namesOfNode.get(n) || []) {
      if (found === key && other.startsWith(key.slice(0, key.indexOf(":") + 1)) && own[other.slice(other.indexOf(":") + 1)]) found = other;
    }
  }
  costNames.set(key, found);
  return found;
}

// What a row of kernels or code has at its right: of loops and kernels, the sum of what is inside.
function heatOfRows(rows) {
  const heat = heatNow;
  if (!heat) return null;
  const sums = new Map();
  const last = new Map(), nameAt = (row) => row.name && (measure === "memory" ? row.name : costName(row.name));
  rows.forEach((row, k) => { if (row.name) last.set(nameAt(row), k); });
  for (const [name, k] of last) sums.set(k, heat.name(name));
  if (measure !== "memory") {
    const open = [];
    rows.forEach((row, k) => {
      const level = row.head ? 0 : indentOf(row.text);
      if (row.head) open.length = 0;
      while (open.length && open[open.length - 1].level >= level) open.pop();
      const value = sums.get(k) || 0;
      for (const outer of open) outer.sum += value;
      if (row.head || (row.name && !nodesOfName.has(row.name))) {
        const frame = { level, sum: 0, row: k };
        open.push(frame);
        sums.set(k, frame);
      }
    });
  }
  return (k) => {
    const found = sums.get(k), value = typeof found === "object" ? found.sum : found;
    if (!value) {
      const own = rows[k].name && heat.name(nameAt(rows[k]));
      return own ? { share: heat.shareOf(own) } : null;
    }
    return { share: heat.shareOf(value), text: heat.text(value) };
  };
}

function heatOfLines(rows) {
  const heat = heatNow;
  if (!heat) return null;
  return (k) => {
    const value = rows[k].line >= 0 ? heat.line(rows[k].line) : 0;
    return value ? { share: heat.shareOf(value), text: heat.text(value) } : null;
  };
}

function drawLegend() {
  const legend = $("legend");
  legend.hidden = !heatNow;
  if (!heatNow) return;
  const stops = [0, 0.25, 0.5, 0.75, 1].map((x) => heatColour(x)).join(", ");
  legend.replaceChildren("0", el("i", { style: `background:linear-gradient(90deg, ${stops})` }), amount(heatNow.total, heatNow.unit));
  const sizes = Object.entries(D.sizes).map(([k, v]) => `${k} = ${v}`).join(", ");
  const notes = {
    time: "Seconds of the profile; within a kernel divided by the operations of each statement.",
    flops: "Arithmetic operations and calls of functions, counted from the kernels.",
    bytes: "Bytes loaded and stored by statements, counted from the kernels; caches answer many.",
    memory: "Bytes of the buffers.",
  };
  legend.title = `${notes[measure]}\nThe colour grows with the square root of the share.` + (sizes ? `\nSizes: ${sizes}` : "")
    + (D.assumed.length ? `\nNot known, taken as 100: ${D.assumed.join(", ")} (give args=...)` : "");
}
