// Layouts of graphs in layers, in a worker: dagre for graphs of a size that people read, and for
// large ones an own layout that takes time linear in the number of edges.
//
// In: nodes {w, h, parent}, edges [from, to] by positions, clusters {parent, title}.
// Out: places [x, y] of the middles of nodes, points of edges (null: a curve from node to node),
// boxes of clusters.

const LARGEST_FOR_DAGRE = 240,
  DAGRE_EDGES = 480,
  WIDEST_LAYER = 64,
  GAP = 16,
  LAYER_GAP = 32;

function layoutOf(graph) {
  const small = graph.nodes.length <= LARGEST_FOR_DAGRE && graph.edges.length <= DAGRE_EDGES;
  if (small && typeof dagre !== "undefined") {
    try {
      return withDagre(graph);
    } catch (error) {
      /* the other one has no such limits */
    }
  }
  return inLayers(graph);
}

function withDagre({ nodes, edges, clusters }) {
  const g = new dagre.graphlib.Graph({ compound: clusters.length > 0, multigraph: true });
  g.setGraph({
    rankdir: "TB",
    nodesep: GAP,
    ranksep: LAYER_GAP,
    edgesep: 10,
    marginx: 24,
    marginy: 24,
    ranker: nodes.length > 160 ? "tight-tree" : "network-simplex",
  });
  g.setDefaultEdgeLabel(() => ({}));
  clusters.forEach((c, k) => g.setNode(`c${k}`, {}));
  nodes.forEach((n, k) => g.setNode(`n${k}`, { width: n.w, height: n.h }));
  clusters.forEach((c, k) => {
    if (c.parent >= 0) g.setParent(`c${k}`, `c${c.parent}`);
  });
  nodes.forEach((n, k) => {
    if (n.parent >= 0) g.setParent(`n${k}`, `c${n.parent}`);
  });
  edges.forEach(([a, b], k) => g.setEdge(`n${a}`, `n${b}`, {}, String(k)));
  dagre.layout(g);
  const places = nodes.map((_, k) => {
    const n = g.node(`n${k}`);
    return [n.x, n.y];
  });
  const points = edges.map(([a, b], k) =>
    g.edge({ v: `n${a}`, w: `n${b}`, name: String(k) }).points.map((p) => [p.x, p.y]),
  );
  const boxes = clusters.map((_, k) => {
    const c = g.node(`c${k}`);
    return [c.x - c.width / 2, c.y - c.height / 2, c.width, c.height];
  });
  return { places, points, boxes, by: "dagre" };
}

// Layers by longest paths, wide layers over several rows; the order in a layer by the middles of
// neighbours; then places as near to the middle of neighbours as the order allows.
function inLayers({ nodes, edges, clusters }) {
  const count = nodes.length;
  const { layer, above, below } = layersOf(count, edges);
  let rows = [];
  for (let n = 0; n < count; n++) (rows[layer[n]] ||= []).push(n);
  rows = rows.filter(Boolean);
  const at = new Float64Array(count);
  rows.forEach((row) =>
    row.forEach((n, k) => {
      at[n] = k - row.length / 2;
    }),
  );
  for (let sweep = 0; sweep < 6; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      const wanted = row.map((n) => middle(down ? above[n] : below[n], at, at[n]));
      const order = row.map((_, k) => k).sort((a, b) => wanted[a] - wanted[b] || a - b);
      const sorted = order.map((k) => row[k]);
      for (let k = 0; k < row.length; k++) {
        row[k] = sorted[k];
        at[row[k]] = k - row.length / 2;
      }
    }
  }
  const wide = rows.flatMap((row) => {
    if (row.length <= WIDEST_LAYER) return [row];
    const parts = Math.ceil(row.length / WIDEST_LAYER),
      found = [];
    for (let k = 0; k < parts; k++) found.push(row.filter((_, place) => place % parts === k));
    return found;
  });
  const x = placed(wide, nodes, above, below);
  const y = new Float64Array(count);
  let top = 24;
  for (const row of wide) {
    const height = Math.max(...row.map((n) => nodes[n].h));
    for (const n of row) y[n] = top + height / 2;
    top += height + LAYER_GAP;
  }
  const places = nodes.map((_, n) => [x[n], y[n]]);
  const boxes = clusters.map((_, k) => boxOf(nodes, places, clusters, k));
  return { places, points: null, boxes, by: "layers" };
}

function layersOf(count, edges) {
  const above = Array.from({ length: count }, () => []),
    below = Array.from({ length: count }, () => []);
  for (const [a, b] of edges)
    if (a !== b) {
      below[a].push(b);
      above[b].push(a);
    }
  // Groups may read each other: an edge that closes a circle counts for no layer.
  const state = new Uint8Array(count),
    order = [],
    back = new Set();
  for (let start = 0; start < count; start++) {
    if (state[start]) continue;
    const stack = [[start, 0]];
    state[start] = 1;
    while (stack.length) {
      const top = stack[stack.length - 1],
        next = below[top[0]][top[1]++];
      if (next === undefined) {
        state[top[0]] = 2;
        order.push(top[0]);
        stack.pop();
      } else if (!state[next]) {
        state[next] = 1;
        stack.push([next, 0]);
      } else if (state[next] === 1) back.add(top[0] * count + next);
    }
  }
  order.reverse();
  const layer = new Int32Array(count);
  for (const n of order)
    for (const m of below[n]) {
      if (!back.has(n * count + m)) layer[m] = Math.max(layer[m], layer[n] + 1);
    }
  // What nothing is needed for, as inputs, stands just above what reads it.
  for (let k = order.length - 1; k >= 0; k--) {
    const n = order[k],
      forward = below[n].filter((m) => !back.has(n * count + m));
    if (!above[n].length && forward.length)
      layer[n] = Math.min(...forward.map((m) => layer[m])) - 1;
  }
  return { layer, above, below };
}

function middle(neighbours, at, otherwise) {
  if (!neighbours.length) return otherwise;
  if (neighbours.length < 3) {
    let sum = 0;
    for (const n of neighbours) sum += at[n];
    return sum / neighbours.length;
  }
  const found = neighbours.map((n) => at[n]).sort((a, b) => a - b);
  return found[found.length >> 1];
}

// Places along rows: each node is drawn to its neighbours; nodes that would overlap move as one.
function placed(rows, nodes, above, below) {
  const x = new Float64Array(nodes.length);
  for (const row of rows) {
    let left = 0;
    for (const n of row) {
      x[n] = left + nodes[n].w / 2;
      left += nodes[n].w + GAP;
    }
    for (const n of row) x[n] -= left / 2;
  }
  for (let sweep = 0; sweep < 8; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      const near = row.map((n) => middle(down ? above[n] : below[n], x, x[n]));
      const blocks = [];
      row.forEach((n, k) => {
        let offset = nodes[n].w / 2,
          block = { first: k, sum: near[k] - offset, count: 1, width: nodes[n].w + GAP };
        while (blocks.length) {
          const last = blocks[blocks.length - 1];
          if (last.sum / last.count + last.width <= block.sum / block.count) break;
          block = {
            first: last.first,
            count: last.count + block.count,
            width: last.width + block.width,
            sum: last.sum + block.sum - block.count * last.width,
          };
          blocks.pop();
        }
        blocks.push(block);
      });
      blocks.forEach((block, b) => {
        const end = b + 1 < blocks.length ? blocks[b + 1].first : row.length;
        let left = block.sum / block.count;
        for (let k = block.first; k < end; k++) {
          x[row[k]] = left + nodes[row[k]].w / 2;
          left += nodes[row[k]].w + GAP;
        }
      });
    }
  }
  let least = Infinity;
  for (let n = 0; n < nodes.length; n++) least = Math.min(least, x[n] - nodes[n].w / 2);
  for (let n = 0; n < nodes.length; n++) x[n] += 24 - least;
  return x;
}

function boxOf(nodes, places, clusters, k) {
  const inside = (c) => {
    while (c >= 0 && c !== k) c = clusters[c].parent;
    return c === k;
  };
  let left = Infinity,
    top = Infinity,
    right = -Infinity,
    bottom = -Infinity;
  nodes.forEach((n, i) => {
    if (!inside(n.parent)) return;
    const [x, y] = places[i];
    left = Math.min(left, x - n.w / 2);
    right = Math.max(right, x + n.w / 2);
    top = Math.min(top, y - n.h / 2);
    bottom = Math.max(bottom, y + n.h / 2);
  });
  return left === Infinity
    ? [0, 0, 0, 0]
    : [left - 12, top - 12, right - left + 24, bottom - top + 24];
}

// The text of the worker: these functions, after the library.
const LAYOUT_SOURCE = [
  `const LARGEST_FOR_DAGRE = ${LARGEST_FOR_DAGRE}, DAGRE_EDGES = ${DAGRE_EDGES};`,
  `const WIDEST_LAYER = ${WIDEST_LAYER}, GAP = ${GAP}, LAYER_GAP = ${LAYER_GAP};`,
  ...[layoutOf, withDagre, inLayers, layersOf, middle, placed, boxOf].map(String),
  "self.onmessage = ({ data }) => self.postMessage({ id: data.id, ...layoutOf(data.graph) });",
].join("\n");
