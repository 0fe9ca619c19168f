#!/usr/bin/env python3
"""Runs Gradus and its peers side by side and writes results.json and table.md. README.md says how.

All processes are started once and kept; each is stopped (SIGSTOP) while another is measured. In each
round every peer is asked every case in turn, starting with another peer each time, so that whatever
else the machine does falls on all alike. Ratios are of medians over the rounds.
"""

import argparse
import fnmatch
import json
import os
import pathlib
import platform
import select
import signal
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE / "python"))
import nets  # noqa: E402  (found once the folder is known)
import sequences  # noqa: E402

SHAPES = ["64x64x64", "256x256x256", "512x512x512", "1024x1024x1024", "2048x2048x2048",
          "64x784x512", "128x1024x1024", "32x2048x1000", "64x512x10"]
TRAIN = ["train_tiny", "train_mlp_sgd", "train_mlp_adam", "train_lenet_sgd", "train_lenet_adam"]
TRAIN += [f"train_{net}_sgd" for net in ("alexnet", "vgg16", "googlenet", "resnet18", "resnet50", "resnet20")]
INFER = [f"infer_{net}_{batch}" for net in ("tiny", "mlp", "lenet") for batch in (1, 64)]
INFER += [f"infer_{net}_{batch}" for net in ("vgg16", "googlenet", "resnet18", "resnet50", "squeezenet", "mobilenetv2") for batch in (1, 16)]
LAYERS = ["3x3_64_56", "3x3_128_28", "3x3_256_14", "3x3_512_7", "7x7s2_3_224", "1x1_256_56", "5x5_64_27",
          "depthwise_96s2_112", "depthwise_144_56", "depthwise_384_14"]
CONV = [f"{kind}_{layer}" for kind in ("conv", "conv_train") for layer in LAYERS]
CASES = TRAIN + INFER + CONV + list(sequences.CASES) + list(nets.QUESTIONS) + [f"{kind}_{shape}" for kind in ("gemm", "gemm_packed") for shape in SHAPES]
# Multiply-adds of one sample forward, and those of the first layer, whose input needs no gradient.
MACS = {"tiny": (88, 16), "mlp": (668_672, 401_408), "lenet": (416_520, 117_600)}
MACS |= {net: nets.macs(net) for net in nets.NETS}
TINY_BATCH = 10
AGREE = 0.01  # checks may differ by this much: rounding, amplified by three updates
AGREE_NORM = 0.03  # batch normalisation amplifies more: inputs that differ in their last bit move PyTorch's own check by up to 3 %
TIMEOUT = 600
IDLE = "before the first case"  # interpreter and imports


def commands(args):
    """How each peer is started."""
    python, rust = [args.python], pathlib.Path(args.rust)
    script = lambda name, *mode: [*python, str(HERE / "python" / name), *mode]
    return {
        "gradus": [args.gradus, "bench", "--serve"],
        "torch": script("torch_peer.py", "eager"),
        "torch-fused": script("torch_peer.py", "fused"),
        "torch-channels-last": script("torch_peer.py", "channels_last"),
        "torch-compile": script("torch_peer.py", "compile"),
        "jax": script("jax_peer.py"),
        "onnxruntime": script("onnx_peer.py"),
        "burn": [str(rust / "peer-burn")],
        "candle": [str(rust / "peer-candle")],
        "gemm": [str(rust / "peer-gemms"), "gemm"],
        "matrixmultiply": [str(rust / "peer-gemms"), "matrixmultiply"],
        "faer": [str(rust / "peer-gemms"), "faer"],
        "peak": [str(rust / "peer-gemms"), "peak"],
    }


def environment(threads):
    """Every library's own way of being told how many threads to use."""
    names = ["PEER_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS",
             "MATMUL_NUM_THREADS", "CANDLE_NUM_THREADS", "GRADUS_THREADS"]
    multi = "true" if threads > 1 else "false"
    own = {"XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={multi}", "JAX_PLATFORMS": "cpu", "TOKENIZERS_PARALLELISM": "false"}
    return os.environ | {name: str(threads) for name in names} | own


class Peer:
    """One process that answers one request at a time."""

    def __init__(self, name, command, threads, log):
        self.name, self.errors = name, open(log, "a")
        cpus = sorted(os.sched_getaffinity(0))[:threads]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, env=environment(threads),
                                        preexec_fn=lambda: os.sched_setaffinity(0, cpus), text=True, bufsize=1)
        self.about = self.ask("about", 0)
        self.cases = set(self.about.get("cases", []))

    def ask(self, case, seconds):
        """The answer; a peer that dies or hangs gives an error instead."""
        try:
            self.process.send_signal(signal.SIGCONT)
            self.process.stdin.write(json.dumps({"case": case, "seconds": seconds}) + "\n")
            self.process.stdin.flush()
            if not select.select([self.process.stdout], [], [], TIMEOUT)[0]:
                self.process.kill()
                return {"error": f"no answer in {TIMEOUT} s"}
            line = self.process.stdout.readline()
            if not line:
                return {"error": f"ended with status {self.process.wait()}; see {self.errors.name}"}
            self.process.send_signal(signal.SIGSTOP)
            return json.loads(line)
        except (BrokenPipeError, ValueError) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def peak_mib(self):
        """The most memory it ever held."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.errors.close()


def start(names, args, log):
    """The peers that start; the others are named with the reason."""
    peers, missing = {}, {}
    for name in names:
        try:
            peer = Peer(name, commands(args)[name], args.threads, log)
        except OSError as error:
            missing[name] = str(error)
            continue
        if "error" in peer.about:
            missing[name] = peer.about["error"]
            peer.close()
        else:
            peers[name] = peer
            say(f"{name}: {peer.about['name']} {peer.about['version']}")
    for name, why in missing.items():
        say(f"{name}: left out: {why}")
    return peers, missing


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure(peers, cases, args):
    """{case: {peer: {"values", "unit", "check"} or {"error"}}}, alternating between peers."""
    results = {case: {} for case in cases}
    order = list(peers)
    for turn in range(args.rounds):
        say(f"round {turn + 1} of {args.rounds}")
        for case in cases:
            for name in order[turn % len(order):] + order[: turn % len(order)]:
                if case not in peers[name].cases or "error" in results[case].get(name, {}):
                    continue
                reply = peers[name].ask(case, args.seconds)
                if "value" not in reply:
                    results[case][name] = {"error": reply.get("error") or reply.get("unsupported", "no value")}
                    say(f"  {case} {name}: {results[case][name]['error']}")
                    continue
                cell = results[case].setdefault(name, {"values": [], **{key: reply.get(key) for key in ("unit", "check", "kept_bytes_per_step")}})
                cell["values"].append(reply["value"])
    return {case: row for case, row in results.items() if row}


def memory(names, cases, args, log):
    """{case: {peer: MiB}}, each in a process that does nothing else; under IDLE what each holds before its first case."""
    table = {IDLE: {}}
    for case in cases:
        for name in names:
            peer = Peer(name, commands(args)[name], args.threads, log)
            table[IDLE].setdefault(name, round(peer.peak_mib(), 1))
            if case in peer.cases and "value" in peer.ask(case, 0.3):
                table.setdefault(case, {})[name] = round(peer.peak_mib(), 1)
            peer.close()
        if case in table:
            say(f"memory {case}: {table[case]}")
    return table if len(table) > 1 else {}


def memory_ratio(row, idle):
    """What Gradus adds to what it holds at the start, over the least that a peer adds."""
    added = {name: mib - idle[name] for name, mib in row.items() if mib > idle[name]}
    ours = added.pop("gradus", None)
    return f"**{ours / min(added.values()):.2f}×**" if ours and added else "–"


def median(cell):
    return statistics.median(cell["values"]) if cell.get("values") else None


def flops_per_unit(case):
    """Useful floating-point operations of one unit, in GFLOP, where they are known."""
    kind, net = case.split("_")[:2]
    if kind in ("gemm", "conv"):
        return 1.0
    if case in sequences.CASES:
        return 2e-9 * sequences.CASES[case].macs()
    if case in nets.QUESTIONS:
        net, pictures, steps = nets.QUESTIONS[case]
        return 2e-9 * 2 * MACS[net][0] * pictures * steps  # forward, and back to the pixels
    macs, first = MACS[net]
    per_sample = 2e-9 * (3 * macs - first if kind == "train" else macs)
    return per_sample * (TINY_BATCH if case == "train_tiny" else 1)


def tolerance(case):
    """How far a check may lie from the median."""
    kind, net = case.split("_")[:2]
    trains = kind == "train" and net in nets.NETS
    return AGREE_NORM if trains and any(layer == "norm" for layer, *_ in nets.layers(net)) else AGREE


def disagreements(results):
    """Peers whose check is not what the others found: they did other work."""
    found = []
    for case, row in results.items():
        checks = {name: cell["check"] for name, cell in row.items() if cell.get("check") is not None}
        if not checks:
            continue
        middle, allowed = statistics.median(checks.values()), tolerance(case)
        found += [f"{case}: {name} has {check:.6g}, the median is {middle:.6g}"
                  for name, check in checks.items() if not abs(check - middle) <= allowed * abs(middle)]
    return found


def summary(results, peak):
    """Per case: Gradus, the best peer, their ratio and Gradus' share of the peak."""
    rows = []
    for case, row in results.items():
        if case.startswith("fma_peak"):
            continue
        medians = {name: m for name, cell in row.items() if (m := median(cell)) is not None}
        ours = medians.pop("gradus", None)
        best = max(medians, key=medians.get, default=None)
        entry = {"case": case, "unit": next(c["unit"] for c in row.values() if "unit" in c), "gradus": ours, "best_peer": best,
                 "best_peer_value": medians.get(best)}
        entry["ratio"] = ours / medians[best] if ours and best else None
        entry["peak_share"] = ours * flops_per_unit(case) / peak if ours and peak else None
        entry["peer_peak_share"] = medians[best] * flops_per_unit(case) / peak if best and peak else None
        rows.append(entry)
    return rows


def sequence_rows(report):
    """Of each case over sequences what is asked and whether it is reached: by the speed, or of dense training by the share of the peak."""
    rows, memory = [], report["memory_mib"]
    for row in report["summary"]:
        of = sequences.CASES.get(row["case"])
        if of is None or row["gradus"] is None:
            continue
        paired = ratios(report["results"][row["case"]], row["best_peer"])
        entry = {"case": row["case"], "ms": 1000 / row["gradus"], "best_peer": row["best_peer"], "ask": of.asks, "peak_share": row["peak_share"],
                 "peer_ms": 1000 / row["best_peer_value"] if row["best_peer"] else None, "ratio": statistics.median(paired) if paired else None,
                 "kept_bytes_per_step": report["results"][row["case"]]["gradus"].get("kept_bytes_per_step"),
                 "weights_gb_per_second": 1e-9 * of.weight_bytes() * row["gradus"] if of.writes else None}
        dense = not of.writes and not of.chars
        fast = entry["ratio"] is not None and entry["ratio"] >= of.asks
        entry["reached"] = fast or (dense and row["peak_share"] is not None and row["peak_share"] >= sequences.PEAK_ASKED)
        added = {name: mib - memory[IDLE][name] for name, mib in memory.get(row["case"], {}).items()}
        torch = min((mib for name, mib in added.items() if name.startswith("torch") and mib > 0), default=None)
        entry["memory_mib"], entry["torch_memory_mib"] = added.get("gradus"), torch
        rows.append(entry)
    return rows


def ratios(row, peer):
    """Gradus over a peer, round by round."""
    ours, theirs = row["gradus"]["values"], row.get(peer, {}).get("values", [])
    return [a / b for a, b in zip(ours, theirs)]


def machine():
    info = dict(line.split(":", 1) for line in open("/proc/cpuinfo") if ":" in line)
    info = {key.strip(): text.strip() for key, text in info.items()}
    flags = set(info.get("flags", info.get("Features", "")).split())
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"processor": info.get("model name", platform.processor()), "cores": os.cpu_count(), "memory_gib": round(memory_gib, 1),
            "features": [f for f in ("avx2", "fma", "avx512f", "asimd") if f in flags], "system": platform.platform(),
            "load_before": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d")}


def number(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(report):
    """The report as Markdown."""
    m, names = report["machine"], list(report["peers"])
    lines = [f"{m['processor']}, {m['cores']} cores, {' '.join(m['features'])}, {report['threads']} threads, f32, {m['date']}; "
             f"medians of {report['rounds']} alternating rounds of {report['seconds']} s; load before the start {m['load_before']:.1f}.", ""]
    title = lambda about: f"{about['name']} {about['version']}" + (f" on {about['isa']}" if "isa" in about else "")
    lines += ["; ".join(title(about) for about in report["peers"].values()) + ".", ""]
    if report["fma_peak"]:
        lines += [f"Measured FMA peak: {number(report['fma_peak'])} GFLOP/s.", ""]
    head = ["case", "unit", "ratio", "% of peak", "best peer's %", *names]
    lines += ["| " + " | ".join(head) + " |", "|---|---|" + "--:|" * (len(head) - 2)]
    share = lambda x: "–" if x is None else f"{100 * x:.1f}"
    for row in report["summary"]:
        cells = [row["case"], row["unit"], "–" if row["ratio"] is None else f"**{row['ratio']:.2f}×**", share(row["peak_share"]), share(row["peer_peak_share"])]
        for name in names:
            text = number(median(report["results"][row["case"]].get(name, {})))
            cells.append(f"**{text}**" if name == row["best_peer"] else text)
        lines.append("| " + " | ".join(cells) + " |")
    lines += sequence_table(report["sequences"])
    if report["memory_mib"]:
        lines += ["", "Peak memory, MiB, each in a process of its own (an interpreter and its imports count); the ratio, to the peer that needs least, is "
                  "of what the case adds.", "", "| case | ratio | " + " | ".join(names) + " |", "|---|" + "--:|" * (len(names) + 1)]
        for case, row in report["memory_mib"].items():
            lines.append("| " + " | ".join([case, memory_ratio(row, report["memory_mib"][IDLE]), *(number(row.get(name)) for name in names)]) + " |")
    for title, notes in (("Disagreements (other work was done)", report["disagreements"]), ("Left out", [f"{k}: {v}" for k, v in report["missing"].items()])):
        if notes:
            lines += ["", f"{title}: " + "; ".join(notes) + "."]
    return "\n".join(lines) + "\n"


def sequence_table(rows):
    """The cases over sequences against what is asked of them."""
    if not rows:
        return []
    lines = ["", "Sequences, milliseconds of a step; the ratio is the median of the rounds' ratios to the best peer; of dense training "
             f"{sequences.PEAK_ASKED:.0%} of the peak is enough; memory is what the case adds, asked at most {sequences.MEMORY_ASKED}× PyTorch's.", "",
             "| case | Gradus | best peer | its ms | ratio | ask | % of peak | | kept a time step | weights GB/s | MiB | PyTorch's | ratio |",
             "|---|--:|---|--:|--:|--:|--:|---|--:|--:|--:|--:|--:|"]
    show = lambda x, form: "–" if x is None else form.format(x)
    for row in rows:
        kept, weights = row["kept_bytes_per_step"], row["weights_gb_per_second"]
        ours, torch = row["memory_mib"], row["torch_memory_mib"]
        share = ours / torch if ours is not None and torch else None
        cells = [row["case"], f"{row['ms']:.3f}", row["best_peer"] or "–", show(row["peer_ms"], "{:.3f}"), show(row["ratio"], "**{:.2f}×**"),
                 f"{row['ask']:.1f}×", show(row["peak_share"], "{:.1%}"), "reached" if row["reached"] else "short",
                 show(kept and kept / 1024, "{:.1f} KiB"), show(weights, "{:.1f}"), show(ours, "{:.1f}"), show(torch, "{:.1f}"), show(share, "{:.2f}×")]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peers", default="*", help="comma-separated names or patterns (default: all)")
    parser.add_argument("--cases", default="*", help="comma-separated names or patterns (default: all)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="per case, peer and round (default: 1)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-memory", action="store_true", help="skip the peak-memory table")
    parser.add_argument("--gradus", default=str(ROOT / "target/release/gradus"), help="the gradus binary")
    parser.add_argument("--python", default=sys.executable, help="an interpreter with requirements.txt installed")
    parser.add_argument("--rust", default=str(HERE / "rust/target/release"), help="folder of the built Rust peers")
    parser.add_argument("--out", default=str(HERE / "results"), help="folder for results.json, table.md and peers.log")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object on the last line")
    return parser.parse_args()


def chosen(patterns, names):
    return [name for name in names if any(fnmatch.fnmatch(name, pattern) for pattern in patterns.split(","))]


def main():
    args = arguments()
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    log, where = out / "peers.log", machine()
    log.write_text("")
    if where["load_before"] > 0.5:
        say(f"the machine is busy (load {where['load_before']:.1f}): the figures will be wrong, PyTorch's most of all")
    names = [name for name in chosen(args.peers, commands(args)) if name != "peak"]
    peers, missing = start([*names, "peak"], args, log)
    cases = chosen(args.cases, CASES)
    try:
        results = measure(peers, [*cases, "fma_peak"], args)
    finally:
        for peer in peers.values():
            peer.close()
    peaks = [value for cell in results.pop("fma_peak", {}).values() for value in cell.get("values", [])]
    peak = max(peaks, default=None)  # disturbance only lowers it
    about = {name: {key: peer.about[key] for key in ("name", "version", "isa") if key in peer.about} for name, peer in peers.items() if name != "peak"}
    weigh = [case for case in cases if not case.startswith(("gemm", "conv"))]
    weights = {} if args.no_memory else memory(list(about), weigh, args, log)
    report = {"machine": where, "threads": args.threads, "rounds": args.rounds, "seconds": args.seconds, "fma_peak": peak, "peers": about, "missing": missing,
              "summary": summary(results, peak), "disagreements": disagreements(results), "memory_mib": weights, "results": results}
    report["sequences"] = sequence_rows(report)
    (out / "results.json").write_text(json.dumps(report, indent=1) + "\n")
    (out / "table.md").write_text(table(report))
    print(table(report))
    if args.json:
        print(json.dumps(report))
    return 1 if report["disagreements"] else 0


if __name__ == "__main__":
    sys.exit(main())
