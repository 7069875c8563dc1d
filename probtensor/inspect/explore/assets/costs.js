// Colours: what a node is, and what it costs by one of four measures.

const MEASURES = {
  none: { title: "None" },
  time: { title: "Time", unit: "s", column: 3 },
  flops: { title: "Operations", unit: "" },
  bytes: { title: "Traffic", unit: "B", column: 2 },
  memory: { title: "Memory", unit: "B" },
};
let measure = "none",
  heatNow = null;

const HUES = {
  input: 150,
  constant: null,
  part: null,
  product: 28,
  fold: 268,
  index: 330,
  view: null,
  routine: 8,
  elementwise: 218,
  loop: 184,
  other: null,
};
const kindColours = new Map();
function kindColour(kind) {
  if (kindColours.has(kind)) return kindColours.get(kind);
  const dark = document.documentElement.dataset.theme === "dark",
    hue = kind < 0 ? 45 : HUES[T.kinds[kind]];
  const made =
    hue === null || hue === undefined
      ? dark
        ? ["#1f242b", "#4a535f"]
        : ["#f6f7f9", "#bcc3cd"]
      : dark
        ? [`hsl(${hue} 34% 19%)`, `hsl(${hue} 38% 46%)`]
        : [`hsl(${hue} 78% 96.5%)`, `hsl(${hue} 44% 62%)`];
  kindColours.set(kind, made);
  return made;
}

const RAMP = {
  light: [
    [255, 243, 205],
    [250, 178, 92],
    [214, 62, 48],
  ],
  dark: [
    [58, 50, 32],
    [178, 108, 34],
    [242, 84, 66],
  ],
};
function heatColour(share, alpha = 1) {
  const ramp = RAMP[document.documentElement.dataset.theme === "dark" ? "dark" : "light"];
  const at = Math.min(1, Math.max(0, share)) * 2,
    k = Math.min(1, Math.floor(at)),
    f = at - k;
  const [r, g, b] = [0, 1, 2].map((i) =>
    Math.round(ramp[k][i] + (ramp[k + 1][i] - ramp[k][i]) * f),
  );
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}

// The present measure: of nodes, names and lines; null for none.
const colouring = () => heatNow;

function measured(which) {
  const node = new Map(),
    row = new Map(),
    line = new Map();
  let total = 0;
  const add = (map, key, value) => {
    if (value) map.set(key, (map.get(key) || 0) + value);
  };
  const valueOf = (cost) => (which === "flops" ? cost[0] + cost[1] : cost[MEASURES[which].column]);
  if (which === "memory") {
    const bytes = new Map();
    for (const buffer of D.buffers) {
      add(node, buffer.node, buffer.bytes);
      add(line, T.line[buffer.node], buffer.bytes);
      D.kernels.forEach((_, k) => bytes.set(nameKey(k, buffer.name), buffer.bytes));
      total += buffer.bytes;
    }
    kernelRows.forEach((r, k) => {
      if (bytes.has(r.name)) row.set(k, bytes.get(r.name));
    });
    return { node, row, line, total };
  }
  const whole = D.kernels.map(() => 0);
  for (const r of kernelRows) if (r.cost) whole[r.kernel] += valueOf(r.cost);
  const scale = whole.map((sum, k) =>
    which !== "time" ? 1 : sum ? (D.times?.kernels[k] || 0) / sum : 0,
  );
  kernelRows.forEach((r, k) => {
    if (r.cost) add(row, k, valueOf(r.cost) * scale[r.kernel]);
  });
  whole.forEach((sum, k) => {
    total += sum * scale[k];
  });
  for (const [n, cost] of Object.entries(D.costs.nodes)) {
    const kernel = Number((namesOfNode.get(Number(n)) || ["0:"])[0].split(":")[0]);
    const value = valueOf(cost) * (scale[kernel] ?? 0);
    add(node, Number(n), value);
    if (which === "time") add(line, T.line[n], value);
  }
  if (which !== "time")
    for (const [id, cost] of Object.entries(D.costs.lines)) add(line, Number(id), valueOf(cost));
  if (which === "time") byMeasuredLines(node, row, line);
  return { node, row, line, total };
}

// Where a profile has the seconds of lines, nodes and statements are scaled to these.
function byMeasuredLines(node, row, line) {
  const before = new Map(node);
  for (const [id, seconds] of Object.entries(D.times?.lines || {})) {
    const guessed = line.get(Number(id));
    line.set(Number(id), seconds);
    if (guessed)
      for (const n of nodesOfLine.get(Number(id)) || [])
        if (node.has(n)) node.set(n, (node.get(n) * seconds) / guessed);
  }
  const sum = (map, nodes) => nodes.reduce((whole, n) => whole + (map.get(n) || 0), 0);
  for (const [k, value] of row) {
    const nodes = nodesOfName.get(kernelRows[k].name) || [],
      guessed = sum(before, nodes);
    if (guessed) row.set(k, (value * sum(node, nodes)) / guessed);
  }
}

function setMeasure(which) {
  measure = which;
  heatNow = null;
  if (which !== "none") {
    const { node, row, line, total } = measured(which),
      unit = MEASURES[which].unit;
    heatNow = {
      unit,
      total,
      rows: row,
      node: (n) => node.get(n) || 0,
      line: (id) => line.get(id) || 0,
      shareOf: (value) => Math.sqrt(total ? Math.min(1, value / total) : 0),
      text: (value) => amount(value, unit),
    };
  }
  return heatNow;
}

// The name under which kernels have the cost of a name: scratch memory of a sum has the node of it.
function costName(key) {
  if (!key || rowsOfName.has(key)) return key;
  const kernel = key.slice(0, key.indexOf(":") + 1);
  for (const n of nodesOfName.get(key) || [])
    for (const other of namesOfNode.get(n) || []) {
      if (other.startsWith(kernel) && rowsOfName.has(other)) return other;
    }
  return key;
}

// The values of lines of code: those of the rows with their names, in order where there are as many
// lines, or runs of lines, as rows, else all at the last line.
function codeValues() {
  const runs = new Map(),
    lines = new Map(),
    values = new Map();
  let last = "";
  codeRows.forEach((r, k) => {
    if (/^\s*(#|\/\/)/.test(r.text)) return;
    const name = costName(r.name),
      held = runs.get(name) || runs.set(name, []).get(name);
    if (name) (lines.get(name) || lines.set(name, []).get(name)).push(k);
    if (name && name === last) held[held.length - 1] = k;
    else if (name) held.push(k);
    last = name;
  });
  for (const [name, ends] of runs) {
    const found = (rowsOfName.get(name) || [])
      .filter((k) => heatNow.rows.get(k))
      .map((k) => heatNow.rows.get(k));
    if (measure === "memory" && found.length) values.set(ends[ends.length - 1], found[0]);
    else if (found.length === (lines.get(name) || []).length)
      lines.get(name)?.forEach((k, i) => values.set(k, found[i]));
    else if (found.length === ends.length) ends.forEach((k, i) => values.set(k, found[i]));
    else if (found.length)
      values.set(
        ends[ends.length - 1],
        found.reduce((a, b) => a + b, 0),
      );
  }
  return values;
}

// What rows of kernels or code have at their right: of loops and kernels the sum of all inside.
function heatOfRows(rows, values) {
  const heat = heatNow;
  if (!heat) return null;
  const sums = new Map(values);
  if (measure !== "memory") {
    const open = [];
    rows.forEach((r, k) => {
      if (!r.text.trim()) return;
      const level = r.head ? 0 : indentOf(r.text);
      if (r.head) open.length = 0;
      while (open.length && open[open.length - 1].level >= level) open.pop();
      for (const outer of open)
        sums.set(outer.row, (sums.get(outer.row) || 0) + (values.get(k) || 0));
      if (r.head || (r.name && !nodesOfName.has(r.name))) open.push({ level, row: k });
    });
  }
  return (k) => {
    const value = sums.get(k);
    return value ? { share: heat.shareOf(value), text: heat.text(value) } : null;
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
  legend.replaceChildren(
    "0",
    el("i", { style: `background:linear-gradient(90deg, ${stops})` }),
    amount(heatNow.total, heatNow.unit),
  );
  const sizes = Object.entries(D.sizes)
    .map(([k, v]) => `${k} = ${v}`)
    .join(", ");
  const notes = {
    time: "Seconds of the profile; within a kernel divided by the operations of each statement.",
    flops: "Arithmetic operations and calls of functions, counted from the kernels.",
    bytes: "Bytes loaded and stored by statements, counted from the kernels; caches answer many.",
    memory: "Bytes of the buffers.",
  };
  legend.title =
    `${notes[measure]}\nThe colour grows with the square root of the share.` +
    (sizes ? `\nSizes: ${sizes}` : "") +
    (D.assumed.length ? `\nNot known, taken as 100: ${D.assumed.join(", ")} (give args=...)` : "");
}
