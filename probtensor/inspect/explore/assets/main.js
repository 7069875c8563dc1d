// The page: panes side by side, one selection, search, keys, light and dark.

const state = { picked: null, hovered: null };
const panes = {};
const PATHS = {
  fold: "M5 8l5-5 5 5M5 12l5 5 5-5",
  unfold: "M5 6l5 5 5-5M5 12l5 5 5-5",
  close: "M5 5l10 10M15 5L5 15",
  plus: "M10 4v12M4 10h12",
  minus: "M4 10h12",
  fit: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4",
  side: "M3 4h14v12H3zM8 4v12",
};

function makePane(id, title) {
  const count = el("span", { class: "count" }),
    tools = el("div", { class: "tools" });
  const head = el(
    "div",
    { class: "head" },
    el(
      "button",
      {
        class: "icon",
        title: `Close or open ${title} (double click: alone)`,
        "aria-label": `Close or open ${title}`,
      },
      icon(PATHS.side),
    ),
    el("h2", {}, title),
    count,
    tools,
  );
  const body = el("div", { class: "body" }),
    pane = el("section", { class: "pane", id, "aria-label": title }, head, body);
  head.firstChild.addEventListener("click", () => {
    pane.classList.toggle("closed");
  });
  head.addEventListener("dblclick", (event) => {
    if (!event.target.closest(".tools")) alone(pane);
  });
  panes[id] = { pane, body, head, count, tools };
  return panes[id];
}

function alone(pane) {
  const others = Object.values(panes)
    .map((p) => p.pane)
    .filter((p) => p !== pane);
  const close = others.some((p) => !p.classList.contains("closed"));
  for (const other of others) other.classList.toggle("closed", close);
  pane.classList.remove("closed");
}

const tool = (holder, title, path, act) =>
  holder.append(
    el("button", { class: "icon", title, "aria-label": title, onclick: act }, icon(path)),
  );

function splitter(left, right) {
  const bar = el("div", { class: "split", role: "separator" });
  bar.addEventListener("pointerdown", (event) => {
    bar.setPointerCapture(event.pointerId);
    bar.classList.add("on");
    const a = left.offsetWidth,
      b = right.offsetWidth,
      x = event.clientX,
      grown = Number(left.style.flexGrow || 1) + Number(right.style.flexGrow || 1);
    bar.onpointermove = (move) => {
      const wide = Math.max(120, Math.min(a + b - 120, a + move.clientX - x));
      left.style.flexGrow = String((grown * wide) / (a + b));
      right.style.flexGrow = String((grown * (a + b - wide)) / (a + b));
    };
  });
  bar.addEventListener("pointerup", () => {
    bar.onpointermove = null;
    bar.classList.remove("on");
  });
  return bar;
}

// The panes of text.

// The numbers of the lines that are wholly within a string of several lines.
function insideStrings(lines) {
  const found = new Set();
  let open = "";
  lines.forEach((text, k) => {
    const before = open;
    for (const mark of text.match(/"""|'''/g) || []) {
      if (!open) open = mark;
      else if (open === mark) open = "";
    }
    const begins = !before && open && text.trimStart().startsWith(open);
    if (before || begins) found.add(k + 1);
  });
  return found;
}

function sourceRows(file) {
  const known = files[file],
    ids = new Map();
  D.sources.lines.forEach(([f, line], id) => {
    if (f === file) ids.set(line, id);
  });
  const numbers = known.text
    ? known.text.map((_, k) => k + 1)
    : Object.keys(known.rows).map(Number);
  const quoted = known.text ? insideStrings(known.text) : new Set();
  return numbers.map((number) => {
    const text = known.text
        ? known.text[number - 1]
        : known.rows[number] || "(this line cannot be read)",
      line = ids.get(number) ?? -1;
    return {
      number,
      quoted: quoted.has(number),
      text: text.replace(/\t/g, "    "),
      line,
      dim: line < 0 && !known.text,
      link: line >= 0,
    };
  });
}

function makeSource() {
  const { body, tools, count } = makePane("source", "Source");
  if (!files.length) {
    body.append(
      el(
        "div",
        { class: "empty" },
        el("b", {}, "No lines"),
        "The nodes of this function come from no file that is known.",
      ),
    );
    panes.source.show = () => {};
    return;
  }
  let file = 0;
  const pane = new TextPane(body, {
    language: "python",
    rows: sourceRows(0),
    pick: (k) => {
      const line = pane.rows[k].line;
      select(line >= 0 ? ofLine(line) : null, "source");
    },
    over: (k) => hover(k >= 0 && pane.rows[k].line >= 0 ? ofLine(pane.rows[k].line) : null),
  });
  const choose = el(
    "select",
    { title: "File", "aria-label": "File" },
    ...files.map((f, k) => el("option", { value: k }, fileName(f.path))),
  );
  const show = (k) => {
    if (k === file) return;
    file = k;
    choose.value = String(k);
    pane.setRows(sourceRows(k));
    pane.heat = heatOfLines(pane.rows);
    write();
    paint();
  };
  const write = () => {
    const used = pane.rows.filter((row) => row.line >= 0).length;
    count.textContent = files.length > 1 ? "" : `${fileName(files[file].path)}`;
    count.title = `${files[file].path}: ${used} lines made nodes`;
    choose.title = files[file].path;
  };
  choose.addEventListener("change", () => show(Number(choose.value)));
  if (files.length > 1) tools.append(choose);
  tool(tools, "Fold functions", PATHS.fold, () =>
    pane.foldAll((row) => /^\s*(async def|def|class)\b/.test(row.text)),
  );
  tool(tools, "Unfold", PATHS.unfold, () => pane.foldAll(null));
  Object.assign(panes.source, { text: pane, show, file: () => file });
  write();
  const first = pane.rows.findIndex((row) => row.line >= 0);
  requestAnimationFrame(() => {
    pane.reveal(new Set([first]));
  });
}

function makeKernels() {
  const { body, tools, count } = makePane("kernels", "Kernels");
  count.textContent = `${D.kernels.length} ${D.kernels.length === 1 ? "kernel" : "kernels"}`;
  if (!kernelRows.length)
    body.append(
      el(
        "div",
        { class: "empty" },
        el("b", {}, "No kernels"),
        "The outputs are inputs or constants: there is nothing to compute.",
      ),
    );
  const pane = (panes.kernels.text = new TextPane(body, {
    language: "kernel",
    rows: kernelRows.map((row) => ({ ...row, link: true })),
    pick: (k) => select(ofKernelRow(k), "kernels"),
    over: (k) => hover(k >= 0 ? ofKernelRow(k) : null),
  }));
  tool(tools, "Fold kernels", PATHS.fold, () => pane.foldAll((row) => row.head));
  tool(tools, "Unfold", PATHS.unfold, () => pane.foldAll(null));
}

function makeCode() {
  const { body, tools, count } = makePane("code", "Generated code");
  count.textContent = [D.code.language, codeRows.length ? `${codeRows.length} lines` : ""]
    .filter(Boolean)
    .join(" · ");
  count.title = D.code.note;
  if (!codeRows.length) {
    body.append(el("div", { class: "empty" }, el("b", {}, "No generated code"), D.code.note));
    panes.code.pane.classList.add("closed");
  }
  const pane = (panes.code.text = new TextPane(body, {
    language: D.code.language.startsWith("CUDA") ? "cuda" : "cython",
    rows: codeRows.map((row) => ({ ...row, link: row.kernel >= 0 })),
    pick: (k) => select(ofCodeRow(k), "code"),
    over: (k) => hover(k >= 0 ? ofCodeRow(k) : null),
  }));
  const isFunction = (row, k) => indentOf(row.text) === 0 && pane.ends[k] > k;
  tool(tools, "Fold functions", PATHS.fold, () => pane.foldAll(isFunction));
  tool(tools, "Unfold", PATHS.unfold, () => pane.foldAll(null));
  const first = codeRows.findIndex((row) => row.kernel >= 0);
  if (first > 0)
    requestAnimationFrame(() => {
      pane.scroll.scrollTop = first * ROW;
    });
}

function makeGraph() {
  const { body, tools, count } = makePane("graph", "Graph");
  body.classList.add("graph");
  const picture = el("div", { style: "position:absolute;inset:0" });
  const model = D.model && el("div", { style: "position:absolute;inset:0", hidden: true });
  const pane = new GraphPane(picture, {
    pick: (nodes, item) => select(nodes.length ? ofNodes(nodes) : null, "graph", item),
    over: (nodes, item, event) => {
      hover(nodes.length ? ofNodes(nodes) : null);
      tip(item, event);
    },
    shown: (scene) => {
      const whole = withBodies(pane.outputs).size,
        shown = scene.items.length;
      count.textContent = `${whole} nodes${shown < 0.7 * whole ? `, ${shown} shown` : ""}`;
      paint();
    },
  });
  body.append(picture);
  const zoom = el("div", { class: "zoom" });
  tool(zoom, "Closer (+)", PATHS.plus, () => pane.canvas.zoom(1.3));
  tool(zoom, "Further (−)", PATHS.minus, () => pane.canvas.zoom(1 / 1.3));
  tool(zoom, "Whole graph (0)", PATHS.fit, () => pane.canvas.fit());
  picture.append(zoom);
  const choose = el(
    "select",
    { title: "Groups (g)", "aria-label": "Groups", id: "groups" },
    ...Object.entries(GROUPS).map(([k, v]) => el("option", { value: k }, v)),
  );
  choose.value = pane.group;
  choose.addEventListener("change", () => pane.setGroup(choose.value));
  tools.append(choose);
  Object.assign(panes.graph, {
    graph: pane,
    choose,
    card: el("div", { class: "card", hidden: true }),
  });
  body.append(panes.graph.card);
  if (model) {
    body.append(model);
    panes.graph.model = new ModelPane(model, {
      layout: pane.worker,
      pickTerm: (term) => select(term.line >= 0 ? ofLine(term.line) : null, "model"),
      pick: (part) => select(part && part.line >= 0 ? ofLine(part.line) : null, "model", part),
      over: (part, event) => {
        hover(part && part.line >= 0 ? ofLine(part.line) : null);
        tip(part && { part }, event);
      },
    });
    const show = (which) => {
      model.hidden = which !== "model";
      picture.hidden = which === "model";
      choose.hidden = which === "model";
      for (const b of views.children)
        b.setAttribute("aria-checked", String(b.dataset.view === which));
      panes.graph.view = which;
    };
    const views = el(
      "div",
      { class: "segmented", role: "radiogroup" },
      ...["graph", "model"].map((which) =>
        el(
          "button",
          { role: "radio", "data-view": which, onclick: () => show(which) },
          which === "graph" ? "Graph" : "Model",
        ),
      ),
    );
    tools.prepend(views);
    panes.graph.showView = show;
    show("graph");
  }
  pane.canvas.inks();
  return pane.update();
}

// Selection.

function rowsOf(found, map) {
  const rows = new Set();
  if (found) for (const name of found.names) for (const row of map.get(name) || []) rows.add(row);
  return rows;
}

function lineRows(found) {
  const rows = new Set();
  if (found && panes.source.text)
    panes.source.text.rows.forEach((row, k) => {
      if (row.line >= 0 && found.lines.has(row.line)) rows.add(k);
    });
  return rows;
}

function paint() {
  for (const which of ["picked", "hovered"]) {
    const found = state[which];
    panes.source?.text?.mark(which, lineRows(found));
    panes.kernels?.text?.mark(which, rowsOf(found, rowsOfName));
    panes.code?.text?.mark(which, rowsOf(found, codeOfName));
    panes.graph?.graph.mark(which, found && found.nodes);
  }
  panes.graph?.model?.mark(state.picked?.lines);
}

function hover(found) {
  state.hovered = found;
  requestAnimationFrame(paint);
  if (!found) tip(null);
}

function select(found, from, item) {
  state.picked = found;
  if (found && from !== "source" && found.lines.size && panes.source.show) {
    const ids = [...found.lines],
      here = ids.some((id) => D.sources.lines[id][0] === panes.source.file());
    if (!here) panes.source.show(D.sources.lines[ids[0]][0]);
  }
  paint();
  if (found) {
    const rows = {
      source: lineRows(found),
      kernels: rowsOf(found, rowsOfName),
      code: rowsOf(found, codeOfName),
    };
    for (const [id, set] of Object.entries(rows)) {
      if (id === from || !panes[id].text) continue;
      const first = Math.min(...set);
      if (set.size) panes[id].text.unfoldTo(first);
      panes[id].text.reveal(set);
    }
    if (from !== "graph") panes.graph.graph.canvas.reveal(panes.graph.graph.canvas.state.picked);
  }
  card(found, from, item);
}

// What is known of one node, or of one variable of the model.
function card(found, from, item) {
  const box = panes.graph.card;
  box.replaceChildren();
  const nodes = found ? [...found.nodes].filter((n) => finalNodes.has(n) || from === "graph") : [];
  const one = item?.node ?? (nodes.length === 1 && from !== "graph" ? nodes[0] : undefined);
  const part = from === "model" ? item : null;
  box.hidden = one === undefined && !part;
  if (box.hidden) return;
  box.append(
    el(
      "button",
      { class: "icon close", title: "Clear (Esc)", onclick: () => select(null) },
      icon(PATHS.close),
    ),
  );
  const rows = part ? ofPart(part) : ofNode(one);
  box.append(
    el("h3", {}, part ? part.name : labelOf(one)),
    el("div", { class: "sub" }, part ? part.formula : opText(one)),
  );
  box.append(
    el(
      "table",
      {},
      ...rows
        .filter(([, v]) => v !== "" && v != null)
        .map(([k, v]) => el("tr", {}, el("td", {}, k), el("td", {}, v))),
    ),
  );
}

function ofNode(n) {
  const names = namesOfNode.get(n) || [],
    buffer = D.buffers.find((b) => b.node === n),
    cost = D.costs.nodes[n];
  const line = T.line[n];
  const where = [...new Set(names.map((name) => D.kernels[name.split(":")[0]].name))]
    .slice(0, 4)
    .join(", ");
  const bodies = bodiesOf(n).length;
  return [
    ["type", shortType(n)],
    [
      "line",
      line >= 0
        ? el("a", { onclick: () => select(ofLine(line), "card") }, `${lineName(line)}`)
        : "",
    ],
    [
      "kernel",
      where
        ? `${where}: ${short([...new Set(names.map((x) => x.split(":")[1]))].join(", "), 40)}`
        : finalNodes.has(n)
          ? ""
          : "rewritten before lowering",
    ],
    ["buffer", buffer ? `${buffer.name} (${buffer.role}), ${amount(buffer.bytes, "B")}` : ""],
    [
      "operations",
      cost && cost[0] + cost[1]
        ? `${amount(cost[0], "")}${cost[1] ? ` and ${amount(cost[1], "")} calls` : ""}`
        : "",
    ],
    ["traffic", cost && cost[2] ? amount(cost[2], "B") : ""],
    [
      "body",
      bodies
        ? el(
            "a",
            { onclick: () => openBody(n) },
            bodies > 1 ? `${bodies} branches` : "open or close",
          )
        : "",
    ],
  ];
}

function openBody(n) {
  const item = panes.graph.graph.scene.items.find((x) => x.node === n);
  if (item) panes.graph.graph.toggle(item.key);
}

const ofPart = (part) => [
  ["kind", part.kind],
  ["axes", part.axes.join(" × ")],
  ["support", part.support],
  ["transform", part.transform],
  ["unconstrained", part.size ? `${part.size} of q` : ""],
  ["depends on", part.parents.join(", ")],
  [
    "line",
    part.line >= 0
      ? el("a", { onclick: () => select(ofLine(part.line), "card") }, lineName(part.line))
      : "",
  ],
];

function tip(item, event) {
  const box = $("tip");
  box.hidden = !item || !event || item.isBox;
  if (box.hidden) return;
  box.replaceChildren();
  if (item.part)
    box.append(el("b", {}, item.part.name), el("div", {}, item.part.formula || item.part.kind));
  else if (item.node !== undefined) {
    const line = T.line[item.node];
    box.append(el("b", {}, labelOf(item.node)), el("div", {}, shortType(item.node)));
    if (line >= 0)
      box.append(
        el("div", {}, `${lineName(line)}  `, el("code", {}, short(lineText(line).trim(), 90))),
      );
    if (bodiesOf(item.node).length) box.append(el("div", {}, "Double click opens its body."));
  } else
    box.append(
      el("b", {}, item.label),
      el("div", {}, `${item.sub}. Double click opens the group.`),
    );
  const heat = colouring(),
    value = heat && (item.nodes || []).reduce((sum, n) => sum + heat.node(n), 0);
  if (value)
    box.append(
      el(
        "div",
        {},
        `${MEASURES[measure].title}: ${heat.text(value)}, ` +
          `${((100 * value) / heat.total).toFixed(1)} %`,
      ),
    );
  box.style.left = `${Math.min(innerWidth - box.offsetWidth - 8, event.clientX + 14)}px`;
  const below = event.clientY + 18,
    above = event.clientY - box.offsetHeight - 10;
  box.style.top = `${below + box.offsetHeight > innerHeight ? above : below}px`;
}
