#!/usr/bin/python3
"""Draws the limiter at four times its limit: docs/img/limiter.svg, of the series that a test writes in virtual time.

  tools/plot_limiter.py build/release/src/gateway/checks/gateway_checks_test > docs/img/limiter.svg
"""
import csv
import os
import subprocess
import sys
import tempfile

LIMIT = 100
WIDTH, HEIGHT, LEFT, GAP = 760, 190, 56, 44
PANELS = (
    ("share of the limit", 4.2, 1, (("offered", "#888", "offered"), ("kept", "#06c", "kept after shedding"), ("fill", "#c60", "fill of the bucket"))),
    ("starts a second", 180, 50, (("high", "#080", "high"), ("normal", "#06c", "normal"), ("low", "#c22", "low"))),
)


def series(program):
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        subprocess.run([program, "--gtest_filter=LimiterFlood.*"], env={**os.environ, "SONDE_SERIES": file.name}, check=True, stdout=sys.stderr)
        with open(file.name) as rows:
            return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(rows)]


def panel(rows, top, title, most, step, lines):
    last = rows[-1]["second"]
    across = lambda second: LEFT + (WIDTH - LEFT - 16) * second / last
    up = lambda value: top + HEIGHT * (1 - min(value, most) / most)
    yield f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">{title}</text>'
    value = 0
    while value <= most:
        yield f'<path d="M{LEFT} {up(value):.1f}H{WIDTH - 16}" stroke="#ddd"/><text x="{LEFT - 8}" y="{up(value) + 4:.1f}" text-anchor="end">{value}</text>'
        value += step
    for second in range(0, int(last) + 1, 10):
        yield f'<text x="{across(second):.1f}" y="{top + HEIGHT + 16}" text-anchor="middle">{second}{" s" if second == 0 else ""}</text>'
    for i, (key, colour, label) in enumerate(lines):
        scale = LIMIT if key in ("offered", "kept") else 1
        points = " ".join(f'{across(row["second"]):.1f},{up(row[key] / scale):.1f}' for row in rows)
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
        yield f'<text x="{WIDTH - 330 + i * 118}" y="{top - 8}" fill="{colour}">{label}</text>'


def main():
    rows = series(sys.argv[1])
    height = 2 * (HEIGHT + GAP) + 8
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">')
    print(f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>')
    for i, (title, most, step, lines) in enumerate(PANELS):
        print("\n".join(panel(rows, 28 + i * (HEIGHT + GAP), title, most, step, lines)))
    print("</svg>")


if __name__ == "__main__":
    main()
