// Links: what is one thing in the source, the graph, the kernels and the generated code.
//
// A name is a kernel's number and what a statement defines or writes: "0:t7". Rows of kernels and
// of code have names, names have nodes, nodes have lines. A selection is a set of each.

const nameKey = (kernel, name) => `${kernel}:${name}`;
const nodesOfName = new Map(),
  namesOfNode = new Map(),
  linesOfName = new Map();
const namesOfLine = new Map(),
  nodesOfLine = new Map();
const kernelRows = [],
  codeRows = [];
const rowsOfName = new Map(),
  codeOfName = new Map();

// Add a value to the list of a key, once. A long list has a set beside it.
const FEW = 12,
  sets = new WeakMap();
const push = (map, key, value) => {
  const held = map.get(key);
  if (held === undefined) map.set(key, [value]);
  else if (held.length < FEW) {
    if (!held.includes(value)) held.push(value);
  } else {
    let known = sets.get(held);
    if (!known) sets.set(held, (known = new Set(held)));
    if (known.has(value)) return;
    known.add(value);
    held.push(value);
  }
};

function link() {
  for (let n = 0; n < N; n++) {
    const line = T.line[n];
    if (line >= 0) {
      const held = nodesOfLine.get(line);
      if (held) held.push(n);
      else nodesOfLine.set(line, [n]);
    }
  }
  D.kernels.forEach((kernel, k) => {
    kernelRows.push({
      kernel: k,
      head: true,
      name: "",
      line: -1,
      level: 0,
      text: `${kernel.name}(${kernel.reads.join(", ")}) → ${kernel.writes.join(", ")}`,
    });
    for (const [text, name, line, cost] of kernel.rows) {
      const key = name ? nameKey(k, name) : "";
      if (key) push(rowsOfName, key, kernelRows.length);
      if (key && line >= 0) {
        push(linesOfName, key, line);
        push(namesOfLine, line, key);
      }
      kernelRows.push({ kernel: k, name: key, line, cost, text: "  " + text });
    }
    for (const [name, nodes] of Object.entries(kernel.nodes)) {
      const key = nameKey(k, name);
      nodesOfName.set(key, nodes);
      for (const n of nodes) {
        push(namesOfNode, n, key);
        const line = T.line[n];
        if (line >= 0) {
          push(linesOfName, key, line);
          push(namesOfLine, line, key);
        }
      }
    }
  });
  for (const [text, kernel, name] of D.code.rows) {
    const key = kernel >= 0 && name ? nameKey(kernel, name) : "";
    if (key) push(codeOfName, key, codeRows.length);
    codeRows.push({ kernel, name: key, text });
  }
  linkInlined();
}

// A node without a name, as a view, is a part of the statements that read it.
function linkInlined() {
  const done = new Set();
  const climb = (order) => {
    for (let k = order.length - 1; k >= 0; k--) {
      const n = order[k],
        names = namesOfNode.get(n);
      if (!names) continue;
      for (const x of T.inputs[n]) {
        if (namesOfNode.has(x) && !done.has(x)) continue;
        if (kindOf(x) === KIND.input || isConstant(x)) continue;
        done.add(x);
        for (const name of names) push(namesOfNode, x, name);
      }
    }
  };
  const visited = new Set();
  const descend = (outputs) => {
    const order = ordered(outputs);
    climb(order);
    for (const n of order)
      for (const b of bodiesOf(n)) {
        if (visited.has(b)) continue;
        visited.add(b);
        descend(T.bodies[b].outputs);
      }
  };
  descend(D.outputs);
}

// Where a node of an earlier graph went: the nodes of the last graph that it became.
const became = new Map();
for (const stage of D.passes.stages)
  for (const step of stage.steps) {
    if (step[1] !== step[2]) became.set(step[1], step[2]);
  }
function finalForm(n) {
  const seen = new Set();
  let at = n;
  while (!finalNodes.has(at) && became.has(at) && !seen.has(at)) {
    seen.add(at);
    at = became.get(at);
  }
  return finalNodes.has(at) ? at : -1;
}

const nothing = () => ({
  nodes: new Set(),
  lines: new Set(),
  names: new Set(),
  kernels: new Set(),
  what: "",
});

function ofNames(found, names) {
  for (const name of names) {
    found.names.add(name);
    for (const n of nodesOfName.get(name) || []) found.nodes.add(n);
    for (const line of linesOfName.get(name) || []) found.lines.add(line);
  }
  return found;
}

function ofNodes(nodes, what = "node") {
  const found = nothing();
  found.what = what;
  for (const n of nodes) {
    found.nodes.add(n);
    if (T.line[n] >= 0) found.lines.add(T.line[n]);
    const last = finalNodes.has(n) ? n : finalForm(n);
    if (last < 0) {
      // It is computed by no statement of its own: the statements of its line are the nearest.
      for (const name of namesOfLine.get(T.line[n]) || []) found.names.add(name);
      continue;
    }
    found.nodes.add(last);
    for (const name of namesOfNode.get(last) || []) found.names.add(name);
  }
  return found;
}

function ofLine(line) {
  const found = nothing();
  found.what = "line";
  found.lines.add(line);
  for (const n of nodesOfLine.get(line) || []) {
    found.nodes.add(n);
    for (const name of namesOfNode.get(n) || []) found.names.add(name);
  }
  for (const name of namesOfLine.get(line) || []) found.names.add(name);
  return found;
}

// A row of a kernel; of a loop, all that it computes.
function ofKernelRow(index) {
  const row = kernelRows[index],
    found = nothing();
  found.what = "row";
  found.kernels.add(row.kernel);
  if (row.head || !nodesOfName.has(row.name)) {
    const names = row.name ? [row.name] : [];
    const level = indentOf(row.text);
    for (let k = index + 1; k < kernelRows.length; k++) {
      const inner = kernelRows[k];
      if (inner.head || (!row.head && indentOf(inner.text) <= level)) break;
      if (inner.name) names.push(inner.name);
    }
    return ofNames(found, names);
  }
  return ofNames(found, [row.name]);
}

function ofCodeRow(index) {
  const row = codeRows[index];
  if (row.name) {
    const rows = rowsOfName.get(row.name);
    const own = nodesOfName.has(row.name);
    if (rows && !own) return ofKernelRow(rows[rows.length - 1]);
    return ofNames(Object.assign(nothing(), { what: "code", kernels: new Set([row.kernel]) }), [
      row.name,
    ]);
  }
  if (row.kernel < 0) return nothing();
  return ofKernelRow(kernelRows.findIndex((x) => x.head && x.kernel === row.kernel));
}

const indentOf = (text) => {
  let k = 0;
  while (text[k] === " ") k++;
  return k;
};

link();
