// Search, keys, themes, and the start of the page.

const SEARCHED = 40;
let results = [],
  resultAt = -1;

function find(text) {
  const wanted = text.trim().toLowerCase();
  const hits = { nodes: [], source: [], kernels: [], code: [] };
  if (!wanted) return { hits, results: [] };
  const shown = withBodies(panes.graph.graph.outputs);
  for (const n of shown)
    if (!isScalarConstant(n) && `${labelOf(n)} ${opText(n)}`.toLowerCase().includes(wanted))
      hits.nodes.push(n);
  const inRows = (id, rows) =>
    rows.forEach((row, k) => {
      if (row.text.toLowerCase().includes(wanted)) hits[id].push(k);
    });
  if (panes.source.text) inRows("source", panes.source.text.rows);
  inRows("kernels", kernelRows);
  inRows("code", codeRows);
  const found = [];
  for (const [title, list, entry] of [
    [
      "Graph",
      hits.nodes,
      (n) => ({
        text: `${labelOf(n)}`,
        hint: shortType(n),
        go: () => select(ofNodes([n]), "search", { node: n }),
      }),
    ],
    [
      "Source",
      hits.source,
      (k) => rowResult("source", k, (row) => (row.line >= 0 ? ofLine(row.line) : null)),
    ],
    ["Kernels", hits.kernels, (k) => rowResult("kernels", k, () => ofKernelRow(k))],
    ["Generated code", hits.code, (k) => rowResult("code", k, () => ofCodeRow(k))],
  ])
    if (list.length)
      found.push({ title, count: list.length }, ...list.slice(0, SEARCHED).map(entry));
  return { hits, results: found };
}

function rowResult(id, k, found) {
  const row = panes[id].text.rows[k];
  return {
    text: row.text.trim(),
    hint: row.number ?? "",
    go: () => {
      panes[id].text.unfoldTo(k);
      select(found(row), "search");
      panes[id].text.reveal(new Set([k]));
    },
  };
}

function search() {
  const text = $("query").value,
    box = $("found"),
    made = find(text);
  results = made.results.filter((x) => x.go);
  resultAt = -1;
  for (const id of ["source", "kernels", "code"])
    panes[id].text?.mark("hits", new Set(made.hits[id]));
  panes.graph.graph.mark("hits", made.hits.nodes.length ? new Set(made.hits.nodes) : null);
  box.hidden = !text.trim();
  box.replaceChildren();
  if (!made.results.length) box.append(el("p", {}, `Nothing has “${text.trim()}” in it.`));
  for (const one of made.results) {
    if (!one.go) {
      box.append(el("h2", {}, one.title, el("span", {}, String(one.count))));
      continue;
    }
    const button = el("button", {
      onclick: () => {
        one.go();
        box.hidden = true;
      },
    });
    const at = one.text.toLowerCase().indexOf(text.trim().toLowerCase()),
      end = at + text.trim().length;
    if (at >= 0)
      button.append(
        one.text.slice(0, at),
        el("mark", {}, one.text.slice(at, end)),
        one.text.slice(end),
      );
    else button.append(one.text);
    if (one.hint !== "") button.append(el("span", { class: "hint" }, `  ${one.hint}`));
    one.button = button;
    box.append(button);
  }
}

function stepResult(by) {
  if (!results.length) return;
  resultAt = (resultAt + by + results.length) % results.length;
  results.forEach((one, k) => one.button.classList.toggle("at", k === resultAt));
  results[resultAt].button.scrollIntoView({ block: "nearest" });
  results[resultAt].go();
}

function theme(which) {
  document.documentElement.dataset.theme = which;
  kindColours.clear();
  panes.graph?.graph.colour();
  panes.graph?.graph.canvas.inks();
  panes.graph?.model?.colour();
  panes.graph?.model?.canvas.inks();
  for (const id of ["source", "kernels", "code"]) panes[id]?.text?.refresh();
  timeline?.draw();
  drawLegend();
}

function setColours(which) {
  setMeasure(which);
  for (const button of $("colour").children)
    button.setAttribute("aria-checked", String(button.dataset.measure === which));
  if (panes.source.text) {
    panes.source.text.heat = heatOfLines(panes.source.text.rows);
    panes.source.text.refresh();
  }
  panes.kernels.text.heat = heatOfRows(kernelRows, heatNow?.rows);
  panes.kernels.text.refresh();
  panes.code.text.heat = heatOfRows(codeRows, heatNow && codeValues());
  panes.code.text.refresh();
  panes.graph.graph.colour();
  drawLegend();
}

const KEYS = [
  ["/", "search"],
  ["Esc", "clear, close"],
  ["← →", "one rewrite back, on"],
  ["[ ]", "one pass back, on"],
  ["Home End", "as written, compiled"],
  ["↑ ↓", "move along the graph"],
  ["Enter", "open a loop or group"],
  ["c", "close all loops and groups"],
  ["g", "next grouping"],
  ["h", "next colouring"],
  ["+ − 0", "zoom, whole graph"],
  ["m", "model or graph"],
  ["1 2 3 4", "close or open a pane"],
  ["d", "light or dark"],
  ["?", "these keys"],
];

function sheet(open = $("sheet").hidden) {
  const box = $("sheet");
  box.hidden = !open;
  if (!open || box.firstChild) return;
  const list = el("dl", {});
  for (const [keys, what] of KEYS)
    list.append(
      el("dt", {}, ...keys.split(" ").flatMap((k) => [el("kbd", {}, k), " "])),
      el("dd", {}, what),
    );
  box.append(
    el(
      "div",
      {},
      el("h2", {}, "Keys"),
      list,
      el(
        "p",
        {},
        "Point at anything to see the same thing in the other panes; click to keep it. " +
          "Drag moves the graph, the wheel zooms, a double click opens a loop or a group, or " +
          "gives a pane all of the room.",
      ),
    ),
  );
  box.addEventListener("click", (event) => {
    if (event.target === box) sheet(false);
  });
}

// Along the edges of the graph, from the node that is picked.
function walk(by) {
  const scene = panes.graph.graph.scene,
    key = [...panes.graph.graph.canvas.state.picked][0];
  const at = scene.items.findIndex((x) => x.key === key);
  const next =
    at < 0
      ? scene.items.length - 1
      : by < 0
        ? scene.edges.find((e) => e.to === at)?.from
        : scene.edges.find((e) => e.from === at)?.to;
  if (next === undefined || next < 0) return;
  const item = scene.items[next];
  select(ofNodes(item.nodes), "graph", item);
  panes.graph.graph.canvas.state.picked = new Set([item.key]);
  panes.graph.graph.canvas.reveal(new Set([item.key]));
}

const nextOf = (list, now) => list[(list.indexOf(now) + 1) % list.length];

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target === $("query");
  if (event.key === "Escape") {
    if (!$("sheet").hidden) sheet(false);
    else if (typing || $("query").value) {
      $("query").value = "";
      search();
      $("query").blur();
    } else select(null);
    return;
  }
  if (typing) {
    if (event.key === "Enter" || event.key === "ArrowDown") stepResult(1);
    else if (event.key === "ArrowUp") stepResult(-1);
    else return;
    event.preventDefault();
    return;
  }
  if (event.target.tagName === "SELECT") return;
  const graph = panes.graph.graph,
    available = [...$("colour").children].filter((b) => !b.disabled).map((b) => b.dataset.measure);
  const acts = {
    "/": () => {
      $("query").focus();
      $("query").select();
    },
    "?": () => sheet(),
    ArrowLeft: () => timeline.move(-1),
    ArrowRight: () => timeline.move(1),
    "[": () => timeline.pass(-1),
    "]": () => timeline.pass(1),
    Home: () => timeline.set(0),
    End: () => timeline.set(Infinity),
    ArrowUp: () => walk(-1),
    ArrowDown: () => walk(1),
    Enter: () => {
      for (const k of graph.canvas.state.picked) {
        graph.toggle(k);
        break;
      }
    },
    c: () => graph.closeAll(),
    d: () => toggleTheme(),
    h: () => setColours(nextOf(available, measure)),
    g: () => {
      panes.graph.choose.value = nextOf(Object.keys(GROUPS), graph.group);
      graph.setGroup(panes.graph.choose.value);
    },
    "+": () => graph.canvas.zoom(1.3),
    "=": () => graph.canvas.zoom(1.3),
    "-": () => graph.canvas.zoom(1 / 1.3),
    0: () => graph.canvas.fit(),
    m: () => panes.graph.showView?.(panes.graph.view === "model" ? "graph" : "model"),
  };
  const number = Number(event.key);
  if (number >= 1 && number <= 4)
    acts[event.key] = () => Object.values(panes)[number - 1].pane.classList.toggle("closed");
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
}

function toggleTheme() {
  const which = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  theme(which);
  try {
    localStorage.setItem("probtensor-theme", which);
  } catch (error) {
    /* a file without storage */
  }
}

let timeline = null;

function start() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  let stored = null;
  try {
    stored = localStorage.getItem("probtensor-theme");
  } catch (error) {
    /* a file without storage */
  }
  document.documentElement.dataset.theme = stored || (system.matches ? "dark" : "light");
  system.addEventListener("change", (event) => theme(event.matches ? "dark" : "light"));
  $("title").textContent = D.title;
  $("title").title = `ProbTensor ${D.version}`;
  const fact = (number, what) => el("span", {}, el("b", {}, String(number)), ` ${what}`);
  const steps = D.passes.stages.reduce((sum, s) => sum + s.count, 0);
  $("facts").append(
    fact(D.target, ""),
    fact(finalNodes.size, "nodes"),
    fact(D.kernels.length, D.kernels.length === 1 ? "kernel" : "kernels"),
    fact(steps, "rewrites"),
  );
  for (const [which, { title }] of Object.entries(MEASURES)) {
    const disabled = which === "time" && !D.times;
    $("colour").append(
      el(
        "button",
        {
          role: "radio",
          "data-measure": which,
          "aria-checked": String(which === "none"),
          disabled,
          title: disabled
            ? "Times need a profile: f.explore(path, profile=f.profile(...))"
            : `Colour by ${title.toLowerCase()} (h)`,
          onclick: () => setColours(which),
        },
        title,
      ),
    );
  }
  makeSource();
  const graph = makeGraph();
  makeKernels();
  makeCode();
  const grow = { source: 0.95, graph: 1.4, kernels: 0.9, code: 1.1 };
  let last = null;
  for (const [id, { pane }] of Object.entries(panes)) {
    pane.style.flexGrow = String(grow[id]);
    if (last) $("panes").append(splitter(last, pane));
    $("panes").append(pane);
    last = pane;
  }
  timeline = new Timeline($("timeline"), {
    go: (to) => panes.graph.graph.setOutputs(to.outputs, timeline.fresh),
    pickLine: (line) => select(ofLine(line), "timeline"),
  });
  $("query").addEventListener("input", search);
  $("query").addEventListener("focus", () => {
    if ($("query").value) $("found").hidden = false;
  });
  document.addEventListener("pointerdown", (event) => {
    if (!event.target.closest("#search")) $("found").hidden = true;
  });
  document.addEventListener("keydown", key);
  $("theme").addEventListener("click", toggleTheme);
  $("help").addEventListener("click", () => sheet());
  graph.then(() => {
    document.body.dataset.ready = "yes";
  });
  // For tests and for the console.
  window.explorer = {
    D,
    T,
    panes,
    timeline,
    state,
    select,
    ofLine,
    ofNodes,
    ofKernelRow,
    ofCodeRow,
    kernelRows,
    codeRows,
    namesOfNode,
    finalNodes,
    setColours,
  };
}

start();
