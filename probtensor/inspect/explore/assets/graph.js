// The pane of the graph: what of a graph is shown (groups, opened bodies), its layout, its colours.

const GROUPS = {
  none: "No groups",
  line: "Group by line",
  function: "Group by function",
  kernel: "Group by kernel",
  loop: "Group by loop",
};
const GROUP_FROM = 900,
  OPEN_BODIES = 90,
  LEAST_GROUPS = 8,
  MOST_GROUPS = 240;

class GraphPane {
  constructor(holder, handlers) {
    this.holder = holder;
    this.handlers = handlers;
    this.canvas = new Canvas(holder, {
      pick: (item, event) => handlers.pick(this._nodesOf(item), item, event),
      over: (item, event) => handlers.over(this._nodesOf(item), item, event),
      open: (item) => this.toggle(item.key),
    });
    this.opened = new Set(); // keys of groups and of loops
    this.group = "none";
    this.outputs = D.outputs;
    this.version = 0;
    this.worker = makeWorker();
    this.busy = el("div", { class: "busy", hidden: true }, "Layout…");
    this.legend = el("div", { class: "key" });
    holder.append(this.busy, this.legend);
    if (finalNodes.size > GROUP_FROM) this.group = this._grouping();
    if (finalNodes.size <= OPEN_BODIES)
      for (const n of ordered(D.outputs)) if (bodiesOf(n).length) this.opened.add(`${n}`);
  }

  // The grouping of a large graph that leaves as much as can be read; none if there is no such.
  _grouping() {
    const order = ordered(this.outputs),
      users = usersOf(order);
    for (const group of ["line", "kernel", "loop", "function"]) {
      this.group = group;
      const groups = new Set(order.map((n) => this._groupOf(n, users) || n));
      if (groups.size >= LEAST_GROUPS && groups.size <= MOST_GROUPS) return group;
    }
    return "none";
  }

  _nodesOf(item) {
    return item ? item.nodes || [] : [];
  }

  setOutputs(outputs, fresh = new Set()) {
    this.fresh = fresh;
    if (outputs === this.outputs && this.scene) {
      this.canvas.reveal(this._fresh());
      return;
    }
    this.outputs = outputs;
    this.update("nearest");
  }

  setGroup(group) {
    this.group = group;
    this.opened = new Set([...this.opened].filter((key) => !key.startsWith("g:")));
    this.update();
  }

  toggle(key) {
    if (key === undefined) return;
    const own = String(key).replace(/^box:/, "");
    const item = this.scene?.items.find((x) => x.key === own);
    const opens = own.startsWith("g:") || bodiesOf(Number(own.split("/").pop())).length;
    if (!opens) return;
    if (this.opened.has(own)) this.opened.delete(own);
    else this.opened.add(own);
    this.update(item ? own : undefined);
  }

  closeAll() {
    this.opened.clear();
    this.update();
  }

  // What is shown: items with sizes, edges by positions, clusters.
  contents() {
    const items = [],
      edges = [],
      clusters = [],
      place = new Map(),
      seen = new Set();
    const add = (key, item) => {
      place.set(key, items.length);
      items.push({ key, ...item });
      return key;
    };
    const join = (a, b) => {
      const from = place.get(a),
        to = place.get(b);
      if (from === undefined || to === undefined || from === to) return;
      const id = from * 1e6 + to;
      if (!seen.has(id)) {
        seen.add(id);
        edges.push([from, to]);
      }
    };
    const write = (outputs, path, parent, parameters = [], given = new Map()) => {
      const order = ordered(outputs);
      for (const p of parameters) if (!order.includes(p)) order.unshift(p);
      const shown = order.filter((n) => !isScalarConstant(n) || outputs.includes(n));
      const users = this.group !== "none" && path === "" ? usersOf(order) : null;
      const key = new Map();
      for (const n of shown) key.set(n, users ? this._groupOf(n, users) || path + n : path + n);
      const members = new Map();
      for (const n of shown) {
        const own = key.get(n);
        if (own.startsWith("g:")) (members.get(own) || members.set(own, []).get(own)).push(n);
      }
      const inside = new Map();
      for (const [own, nodes] of members) {
        if (nodes.length === 1 || this.opened.has(own)) {
          let cluster = parent;
          if (nodes.length > 1) {
            cluster = clusters.length;
            clusters.push({ parent, title: this._groupTitle(own), key: own, nodes });
          }
          for (const n of nodes) {
            key.set(n, path + n);
            inside.set(n, cluster);
          }
        } else add(own, this._group(own, nodes, parent));
      }
      for (const n of shown) {
        const own = key.get(n);
        if (own.startsWith("g:")) continue;
        const where = inside.get(n) ?? parent,
          bodies = bodiesOf(n);
        if (bodies.length && this.opened.has(own))
          this._openBody(n, own, where, { clusters, add, write, join });
        else add(own, this._node(n, where, given.get(n)));
      }
      for (const n of shown) {
        const own = key.get(n),
          bodies = bodiesOf(n),
          isOpen = bodies.length && this.opened.has(own);
        T.inputs[n].forEach((x, position) => {
          if (!key.has(x)) return;
          const into = isOpen ? this._parameters(n, own, position) : [];
          if (into.length) into.forEach((to) => join(key.get(x), to));
          else join(key.get(x), own);
        });
      }
      return key;
    };
    write(this.outputs, "", -1);
    return { items, edges, clusters };
  }

  _openBody(n, own, parent, { clusters, add, write, join }) {
    const cluster = clusters.length;
    clusters.push({
      parent,
      title: `${opName(n)} · ${lineLabel(n)}`,
      key: `box:${own}`,
      nodes: [n],
    });
    bodiesOf(n).forEach((b, k) => {
      const body = T.bodies[b],
        path = `${own}/${k}/`;
      let where = cluster;
      if (bodiesOf(n).length > 1) {
        where = clusters.length;
        clusters.push({ parent: cluster, title: `branch ${k}`, key: `box:${own}`, nodes: [n] });
      }
      // A parameter is called after what it is given at first, or is an element of.
      const given = new Map(
        body.parameters.map((p, i) => {
          const at = T.arguments[n]?.[k][i] ?? -1;
          return [p, T.names[p] || (at < 0 ? "" : `in ${labelOf(T.inputs[n][at])}`)];
        }),
      );
      write(body.outputs, path, where, body.parameters, given);
    });
    add(own, this._node(n, cluster));
    bodiesOf(n).forEach((b, k) =>
      T.bodies[b].outputs.forEach((y) => join(`${own}/${k}/${y}`, own)),
    );
  }

  _parameters(n, own, position) {
    const found = [];
    (T.arguments[n] || []).forEach((positions, k) =>
      positions.forEach((at, p) => {
        if (at === position) found.push(`${own}/${k}/${T.bodies[bodiesOf(n)[k]].parameters[p]}`);
      }),
    );
    return found;
  }

  _groupOf(n, users) {
    const kind = kindOf(n);
    if (kind === KIND.input || isConstant(n)) return "";
    if (this.group === "line") return T.line[n] >= 0 ? `g:${T.line[n]}` : "";
    if (this.group === "function") return T.line[n] >= 0 ? `g:${functionOf(T.line[n])}` : "";
    const name = (namesOfNode.get(n) || namesOfNode.get(finalForm(n)) || [])[0];
    if (name === undefined) return "";
    const kernel = name.slice(0, name.indexOf(":"));
    if (this.group === "kernel") return `g:${kernel}`;
    return `g:${kernel}:${loopOf(name)}`;
  }

  _groupTitle(key) {
    const name = key.slice(2);
    if (this.group === "line") return lineName(Number(name));
    if (this.group === "function") return name;
    const [kernel, loop] = name.split(":");
    return loop ? `${D.kernels[kernel].name} · loop ${loop}` : D.kernels[kernel].name;
  }

  _group(key, nodes, parent) {
    const title = this._groupTitle(key);
    const text = this.group === "line" ? lineText(Number(key.slice(2))).trim() : "";
    const label = short(text || title, 34);
    const sub = text ? `${title} · ${nodes.length} nodes` : `${nodes.length} nodes`;
    const w = Math.max(widthOf(label, FONT_BOLD), widthOf(sub, FONT_SUB)) + 30;
    return { label, sub, w, h: 42, parent, nodes, many: true, bold: true, kind: -1, corner: "+" };
  }

  _node(n, parent, given) {
    const kind = kindOf(n),
      label = short(given || labelOf(n), 30);
    const sub = isScalarConstant(n) ? "" : short(shortType(n), 24);
    const w = Math.max(widthOf(label, FONT_LABEL), widthOf(sub, FONT_SUB), 24) + 22;
    const corner = bodiesOf(n).length ? "+" : "";
    return {
      label,
      sub,
      w,
      h: sub ? 38 : 26,
      parent,
      nodes: [n],
      node: n,
      kind,
      corner,
      shape: kind === KIND.input || kind === KIND.constant ? "round" : "box",
    };
  }

  update(keep) {
    const version = ++this.version,
      { items, edges, clusters } = this.contents();
    this.busy.hidden = items.length < 400;
    const graph = {
      nodes: items.map(({ w, h, parent }) => ({ w, h, parent })),
      edges,
      clusters: clusters.map(({ parent }) => ({ parent })),
    };
    this.ready = this.worker(graph).then((made) => {
      if (version !== this.version) return;
      this.busy.hidden = true;
      this._place(items, edges, clusters, made, keep);
    });
    return this.ready;
  }

  _place(items, edges, clusters, made, keep) {
    let width = 0,
      height = 0;
    items.forEach((item, k) => {
      [item.x, item.y] = made.places[k];
      width = Math.max(width, item.x + item.w / 2 + 24);
      height = Math.max(height, item.y + item.h / 2 + 24);
      if (item.corner && this.opened.has(item.key)) item.corner = "–";
    });
    const boxes = clusters.map((c, k) => ({
      ...c,
      key: c.key.startsWith("box:") ? c.key : `box:${c.key}`,
      x: made.boxes[k][0],
      y: made.boxes[k][1],
      w: made.boxes[k][2],
      h: made.boxes[k][3],
    }));
    for (const b of boxes) {
      width = Math.max(width, b.x + b.w + 12);
      height = Math.max(height, b.y + b.h + 12);
    }
    const joined = edges.map(([from, to], k) => ({
      from,
      to,
      points: made.points && made.points[k],
    }));
    const centre = items.map((item) => item.x).sort((a, b) => a - b)[items.length >> 1];
    this.scene = { items, edges: joined, boxes, width, height, by: made.by, focus: centre };
    this.colour();
    this.canvas.show(this.scene, keep === "nearest" ? this.canvas.nearest(items) : keep);
    this._fresh();
    this.handlers.shown?.(this.scene);
  }

  _fresh() {
    const fresh = new Set();
    if (this.fresh?.size)
      for (const item of this.scene.items)
        if (item.nodes.some((n) => this.fresh.has(n))) fresh.add(item.key);
    this.canvas.state.fresh = fresh;
    this.canvas.redraw();
    return fresh;
  }

  colour() {
    if (!this.scene) return;
    const heat = colouring();
    for (const item of this.scene.items) {
      const [fill, stroke] = kindColour(item.kind);
      item.fill = fill;
      item.stroke = stroke;
      item.heated = Boolean(heat);
      if (!heat) continue;
      let value = 0;
      for (const n of item.nodes) value += heat.node(n);
      item.fill = value > 0 ? heatColour(heat.shareOf(value), 0.9) : "transparent";
      item.stroke = css("--edge");
    }
    this._legend(heat);
    this.canvas.redraw();
  }

  _legend(heat) {
    this.legend.replaceChildren();
    if (heat) return;
    const present = new Set(this.scene.items.map((x) => x.kind));
    for (const kind of [...present].sort((a, b) => a - b)) {
      const [fill, stroke] = kindColour(kind);
      this.legend.append(
        el(
          "span",
          {},
          el("i", { style: `background:${fill};border-color:${stroke}` }),
          kind < 0 ? "group" : T.kinds[kind],
        ),
      );
    }
  }

  mark(which, found) {
    const keys = new Set();
    if (found)
      for (const item of this.scene?.items || [])
        if (item.nodes.some((n) => found.has(n))) keys.add(item.key);
    this.canvas.state[which] = keys;
    this.canvas.redraw();
    return keys;
  }
}

function usersOf(order) {
  const users = new Map();
  for (const n of order) for (const x of T.inputs[n]) push(users, x, n);
  return users;
}

const lineLabel = (n) => (T.line[n] >= 0 ? lineName(T.line[n]) : "");

// The innermost loop around each name's row.
let loops = null;
function loopOf(name) {
  if (!loops) {
    loops = new Map();
    let open = [];
    for (const row of kernelRows) {
      const level = indentOf(row.text);
      open = row.head ? [] : open;
      while (open.length && open[open.length - 1].level >= level) open.pop();
      const last = open[open.length - 1];
      if (row.name && !loops.has(row.name)) loops.set(row.name, last ? last.loop : "");
      const match = /\bfor (\w+) in range/.exec(row.text);
      if (match) open.push({ level, loop: match[1] });
    }
  }
  return loops.get(name) || "";
}

// Layouts in a worker; where a browser allows none, at once.
function makeWorker() {
  const waiting = new Map();
  let count = 0,
    worker = null;
  const library = $("library").textContent,
    code = LAYOUT_SOURCE;
  try {
    worker = new Worker(
      URL.createObjectURL(new Blob([`${library}\n${code}`], { type: "text/javascript" })),
    );
    worker.onmessage = (event) => {
      waiting.get(event.data.id)(event.data);
      waiting.delete(event.data.id);
    };
    worker.onerror = () => {
      for (const [id, done] of waiting) {
        done(layoutOf(done.graph));
        waiting.delete(id);
      }
      worker = null;
    };
  } catch (error) {
    worker = null;
  }
  return (graph) =>
    new Promise((done) => {
      if (!worker) {
        done(layoutOf(graph));
        return;
      }
      const id = count++;
      done.graph = graph;
      waiting.set(id, done);
      worker.postMessage({ id, graph });
    });
}
