"""The outcome of an evaluation: summary.md, pairs.tsv, and index.html to look at and listen to."""

import html
import math
import pathlib
import string

from . import figures

# Figures in the order of columns: key, heading, what it is.
COLUMNS = (
    ("to_target", "to target", "similarity to the target: cosine of Resemblyzer's embeddings"),
    ("to_source", "to source", "similarity to the source"),
    ("margin", "margin", "similarity to the target less that to the source"),
    ("win", "win", "share nearer to the target than to the source"),
    ("cer", "CER", "character error rate of Whisper tiny.en against its own transcript of the source"),
    ("wer", "WER", "word error rate against the same"),
    ("cer_true", "CER, true text", "character error rate against the true text, where that is known"),
    ("dnsmos", "DNSMOS", "predicted overall opinion, from 1 to 5"),
    ("f0_correlation", "F0 corr.", "correlation of log-F0 (pYIN) with the source's, where both are voiced"),
    ("harvest_correlation", "by Harvest", "the same by Harvest, which takes much for voiced that is not"),
)
# Rows of the table of means: role, its name, what it is.
ROLES = (
    ("converted", "converted", "by the model"),
    ("untuned", "converted, of these", "the pairs whose target is long enough to be tuned"),
    ("tuned", "converted, tuned voice", "by the model, to a voice made with --tune"),
    ("copy", "copy of the source", "its own log-mel and F0 through the waveform stage, no network"),
    ("noisy", "source through noise", "with --noise: what conversion and copy start from"),
    ("source", "source untouched", "where conversion starts"),
    ("another", "target, another recording", "the ceiling: targets with two recordings or more"),
)
SHOWN = ("source", "noisy", "target", "converted")  # roles with a picture, in the order of the page
N_WORST = 10


def show(key, value):
    return "" if math.isnan(value) else f"{value:.{2 if key == 'dnsmos' else 3}f}"


def average(pairs, role, key):
    """Mean and interval of a figure."""
    return figures.mean_interval([pair["figures"].get(role, {}).get(key, math.nan) for pair in pairs])


def find_goals(pairs):
    """By figure: what is asked for, as text, and whether the mean is there. Words and sound start from the copy's."""
    mean = {role: {key: average(pairs, role, key)[0] for key, _, _ in COLUMNS} for role in ("converted", "copy")}
    copy = mean["copy"]
    at_least = {"to_target": 0.8, "margin": 0.2, "win": 0.95, "dnsmos": copy["dnsmos"] - 0.05, "f0_correlation": 0.8}
    at_most = {key: copy[key] + 0.04 for key in ("cer", "cer_true")}
    goals = {key: (f"≥ {show(key, goal)}", mean["converted"][key] >= goal) for key, goal in at_least.items()}
    goals |= {key: (f"≤ {show(key, goal)}", mean["converted"][key] <= goal) for key, goal in at_most.items()}
    return {key: goal for key, goal in goals.items() if not math.isnan(mean["converted"][key])}


WORST = {"to_target": "by similarity to the target", "cer": "by CER", "dnsmos": "by DNSMOS"}


def find_worst(pairs):
    """By the figures of WORST: the worst pairs, the worst first."""
    sign = {"to_target": 1, "cer": -1, "dnsmos": 1}
    badness = lambda key: lambda pair: sign[key] * pair["figures"]["converted"][key]
    return {key: sorted(pairs, key=badness(key))[:N_WORST] for key in WORST}


# ---- Tables, as rows of cells --------------------------------------------------------------------------------------
# A cell is a text, or (key, (mean, low, high)).


def tabulate_means(pairs):
    rows = [["", "pairs", *(heading for _, heading, _ in COLUMNS)]]
    for role, name, _ in ROLES:
        n = sum(role in pair["figures"] for pair in pairs)
        if n:
            rows.append([name, str(n), *((key, average(pairs, role, key)) for key, _, _ in COLUMNS)])
    goals = find_goals(pairs)
    met = {True: "✓", False: "✗"}
    cells = [f"{goals[key][0]} {met[goals[key][1]]}" if key in goals else "" for key, _, _ in COLUMNS]
    return rows + [["asked for", "", *cells]]


def tabulate_groups(pairs):
    """The model's figures, and the copy's where they say how hard a group is."""
    rows = [["", "pairs", *(heading for _, heading, _ in COLUMNS), "copy's CER", "copy's DNSMOS"]]
    for name, members in figures.group(pairs).items():
        cells = [(key, average(members, "converted", key)) for key, _, _ in COLUMNS]
        cells += [(key, average(members, "copy", key)) for key in ("cer", "dnsmos")]
        rows.append([name, str(len(members)), *cells])
    return rows


def write_markdown(rows):
    def cell(content):
        if isinstance(content, str):
            return content
        key, (mean, low, high) = content
        return "" if math.isnan(mean) else f"{show(key, mean)} ({show(key, low)} to {show(key, high)})"

    lines = ["| " + " | ".join(map(cell, row)) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def write_html(rows):
    def cell(content):
        if isinstance(content, str):
            return f"<td>{html.escape(content)}</td>"
        key, (mean, low, high) = content
        return (
            "<td></td>"
            if math.isnan(mean)
            else f"<td>{show(key, mean)}<small>{show(key, low)} – {show(key, high)}</small></td>"
        )

    head = "".join(f"<th>{html.escape(text)}</th>" for text in rows[0])
    body = "".join("<tr>" + "".join(map(cell, row)) + "</tr>\n" for row in rows[1:])
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"


# ---- Pairs on the page ---------------------------------------------------------------------------------------------


def show_player(name):
    return f'<audio controls preload="none" src="{name}"></audio>'


def show_recording(name, title):
    picture = f'<img loading="lazy" src="{name[:-4]}.png" alt="waveform, spectrogram and F0">'
    return f"<figure><figcaption>{html.escape(title)}</figcaption>{show_player(name)}{picture}</figure>"


def show_words(pair):
    """What was said and what Whisper heard, as a list of terms."""
    roles = [role for role in ("source", "noisy", "copy", "converted") if role in pair["measured"]]
    texts = {f"{role} heard as": pair["measured"][role]["text"].strip() for role in roles}
    if pair["truth"] is not None:
        texts = {"true text": pair["truth"].lower()} | texts
    return "".join(f"<dt>{name}</dt><dd>{html.escape(text)}</dd>" for name, text in texts.items())


def show_remarks(pair):
    return html.escape("; ".join(pair["remarks"]) or "nothing stands out")


def show_pair(pair):
    """A tbody, so that sorting moves both rows: the figures, and what there is to see and hear."""
    mine, audio = pair["figures"]["converted"], pair["audio"]
    cells = "".join(f'<td data-value="{mine[key]}">{show(key, mine[key])}</td>' for key, _, _ in COLUMNS)
    titles = {role: f"{role}: {pair['speaker'][role]} ({pair['sex'][role]})" for role in ("source", "target")}
    recordings = "".join(
        show_recording(audio[role], titles.get(role, role)) for role in SHOWN if role in audio
    )
    return (
        f'<tbody id="p{pair["name"]}"><tr><td>{pair["name"]}</td>{cells}</tr>\n'
        f'<tr class="media"><td colspan="{len(COLUMNS) + 1}"><p>{show_remarks(pair)}</p><div>{recordings}</div>'
        f"<dl>{show_words(pair)}<dt>the copy</dt><dd>{show_player(audio['copy'])}</dd></dl></td></tr></tbody>\n"
    )


def show_worst(pairs):
    parts = []
    for key, members in find_worst(pairs).items():
        items = "".join(
            f'<li><a href="#p{pair["name"]}">{pair["name"]}</a> <b>{show(key, pair["figures"]["converted"][key])}</b> '
            f"{show_remarks(pair)}</li>\n"
            for pair in members
        )
        parts.append(f"<section><h3>{WORST[key]}</h3><ul>{items}</ul></section>")
    return "".join(parts)


def write_page(about, means, groups, pairs):
    template = string.Template(pathlib.Path(__file__).with_name("page.html").read_text())
    describe = lambda rows: "".join(f"<dt>{name}</dt><dd>{html.escape(what)}</dd>" for _, name, what in rows)
    headings = "".join(f"<th>{heading}</th>" for heading in ("pair", *(heading for _, heading, _ in COLUMNS)))
    return template.substitute(
        about=html.escape(about),
        means=write_html(means),
        groups=write_html(groups),
        figures=describe(COLUMNS),
        rows=describe(ROLES),
        worst=show_worst(pairs),
        headings=headings,
        pairs="".join(map(show_pair, pairs)),
    )


# ---- Files ---------------------------------------------------------------------------------------------------------


def write_summary(about, means, groups, pairs):
    lines = [about, "", write_markdown(means), "", write_markdown(groups)]
    for key, members in find_worst(pairs).items():
        lines += ["", f"The worst {WORST[key]}:", ""]
        lines += [
            f"- {pair['name']} {show(key, pair['figures']['converted'][key])}: {'; '.join(pair['remarks'])}"
            for pair in members
        ]
    return "\n".join(lines) + "\n"


def write_pairs(pairs):
    """Tab-separated: the model's figures under their names, the references' after a point (copy.cer)."""
    columns = [("converted", key, key) for key, _, _ in COLUMNS]
    columns += [(role, key, f"{role}.{key}") for role, _, _ in ROLES[1:] for key, _, _ in COLUMNS]
    lines = [["source", "target", *(name for _, _, name in columns), "remarks"]]
    for pair in pairs:
        values = [pair["figures"].get(role, {}).get(key, math.nan) for role, key, _ in columns]
        remarks = "; ".join(pair["remarks"])
        lines.append([pair["path"]["source"], pair["path"]["target"], *(f"{value:.3f}" for value in values), remarks])
    return "".join("\t".join(line) + "\n" for line in lines)


def write(out, about, pairs):
    """Writes the three files into the folder `out` and prints the tables of means."""
    out = pathlib.Path(out)
    means, groups = tabulate_means(pairs), tabulate_groups(pairs)
    (out / "pairs.tsv").write_text(write_pairs(pairs))
    (out / "summary.md").write_text(write_summary(about, means, groups, pairs))
    (out / "index.html").write_text(write_page(about, means, groups, pairs))
    print("\n\n".join([about, write_markdown(means), write_markdown(groups)]))
    print(f"\nTo look at and listen to: {out}/index.html")
