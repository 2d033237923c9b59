"""Draw how often intervals held in a simulation, over the number of clusters: run by pages."""

import matplotlib.pyplot as plt

#: Methods of mixed-coverage.csv: what they are called, and how they are drawn.
LOOKS = {
    "z": ("normal", "0.55", "s"),
    "delta": ("Wald", "0.55", "s"),
    "z, log scale": ("normal, on the log scale", "C0", "o"),
    "satterthwaite": ("Satterthwaite", "C0", "o"),
    "profile": ("profile", "C0", "o"),
    "kenward-roger": ("Kenward-Roger", "C1", "D"),
    "bootstrap, percentile": ("bootstrap, percentile", "C4", "v"),
    "bootstrap-t": ("bootstrap, studentized", "C2", "^"),
}


def draw_coverage(study):
    """Draw one panel for each quantity (columns) and intraclass correlation (rows)."""
    study = study.sort_values("groups", kind="stable")
    quantities, iccs = (list(dict.fromkeys(study[name])) for name in ("quantity", "icc"))
    across = len(quantities) if len(quantities) > 1 else len(iccs)
    panels = [(quantity, icc) for icc in iccs for quantity in quantities]
    down = len(panels) // across
    fig, axes = plt.subplots(
        down,
        across,
        figsize=(3 * across, 2.4 * down + 0.5),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for ax, (quantity, icc) in zip(axes.flat, panels, strict=True):
        here = study[(study["quantity"] == quantity) & (study["icc"] == icc)]
        noise = 2 * here["mc_error"].mean()
        ax.axhspan(0.95 - noise, 0.95 + noise, color="0.92", zorder=0)
        ax.axhline(0.95, color="0.5", linestyle="--", linewidth=0.8)
        for method, (label, color, marker) in LOOKS.items():
            part = here[(here["method"] == method) & here["coverage"].notna()]
            if len(part):
                ax.plot(
                    part["groups"],
                    part["coverage"],
                    color=color,
                    marker=marker,
                    markersize=4,
                    linewidth=1,
                    label=label,
                )
        ax.set_title(f"{quantity}\nICC {icc}" if down * across > 1 else quantity, fontsize=9)
        ax.set_xscale("log")
        ax.set_xticks([6, 10, 20], ["6", "10", "20"])
        ax.minorticks_off()
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes[-1]:
        ax.set_xlabel("clusters")
    for ax in axes[:, 0]:
        ax.set_ylabel("coverage")
    lines = {}
    for ax in axes.flat:
        lines |= dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
    foot = 0.3 / fig.get_figheight()
    fig.legend(
        lines.values(), lines, loc="lower center", ncols=len(lines), frameon=False, fontsize=9
    )
    fig.tight_layout(rect=(0, foot, 1, 1))
