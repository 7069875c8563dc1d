"""A profile as a page that needs nothing else: a flame graph of lines and ops, and the tables."""

from __future__ import annotations

from html import escape

from probtensor.inspect.profile.rows import Profile, duration, short, text_of

STYLE = """
:root{color-scheme:light dark}
body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em}
.f{display:flex;gap:1px;margin:0 0 1px;width:100%}
.b{overflow:hidden;white-space:nowrap;font-size:12px;padding:2px 0 2px 3px;box-sizing:border-box;
border-radius:2px;color:#111}
table{border-collapse:collapse;margin:1em 0;width:100%}
td,th{text-align:left;padding:2px 10px 2px 0;border-bottom:1px solid #8884;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code,pre{font:12px ui-monospace,monospace}
pre{overflow-x:auto;margin-top:2em}
h1{font-size:1.4em;margin:0 0 1em}
.bar{background:#e8743b;height:.7em;border-radius:2px;margin-top:.4em}
"""


def page(profile: object) -> str:
    """The whole page."""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Profile</title>"
        f"<style>{STYLE}</style><body><h1>{escape(getattr(profile, 'label', 'Profile'))}</h1>"
        f"{flame(profile)}{table(profile) if isinstance(profile, Profile) else ''}"
        f"<pre>{escape(str(profile))}</pre></body></html>\n"
    )


class _Box:
    """A frame of the flame graph: its seconds, and the frames inside it by name."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.inside: dict[str, _Box] = {}


def flame(profile: object) -> str:
    """A flame graph of what ran: nested boxes, as wide as their time."""
    root = _Box()
    for _, _, seconds, stack in profile.events():
        box = root
        box.seconds += seconds
        for frame in stack:
            box = box.inside.setdefault(frame, _Box())
            box.seconds += seconds
    return f"<div>{_boxes(root, root.seconds or 1.0)}</div>"


def _boxes(box: _Box, total: float) -> str:
    rows = []
    for name, inner in sorted(box.inside.items(), key=lambda item: -item[1].seconds):
        share = 100 * inner.seconds / (box.seconds or 1.0)
        text = text_of(name)
        title = f"{short(name)}  {text}" if text else short(name)
        tip = f"{title}: {duration(inner.seconds)}, {100 * inner.seconds / total:.1f} %"
        hue = sum(map(ord, name)) % 60
        rows.append(
            f'<div style="width:{share:.3f}%;min-width:0">'
            f'<div class=b style="background:hsl({hue} 80% 68%)" title="{escape(tip)}">'
            f"{escape(title)}</div>{_boxes(inner, total) if inner.inside else ''}</div>"
        )
    return f"<div class=f>{''.join(rows)}</div>"


def table(profile: Profile) -> str:
    """The lines of a profile as a table."""
    rows = []
    for row in profile.lines:
        ops = ", ".join(f"{op} {duration(s)}" for op, s in [*row.ops.items()][:4])
        rows.append(
            f"<tr><td class=n>{duration(row.seconds)}<td class=n>{100 * row.share:.1f}&nbsp;%"
            f'<td style="width:8em"><div class=bar style="width:{100 * row.share:.1f}%"></div>'
            f"<td>{escape(short(row.line))} <code>{escape(row.text)}</code><td>{escape(ops)}"
        )
    return (f"<table><tr><th>time<th>share<th><th>line<th>ops{''.join(rows)}</table>")
