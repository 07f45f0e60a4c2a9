"""Terminals as an SVG file."""
from itertools import groupby
from xml.sax.saxutils import escape

WIDTH, HEIGHT, SIZE = 8.4, 19, 14  # of a cell, and of the letters in it
PAPER, INK, CAPTION = "#1d1f21", "#d4d6d3", "#8abeb7"
COLOURS = {31: "#ff6b5e", 32: "#b5bd68", 33: "#f0c674"}
BOLD = 1
FONT = "ui-monospace, 'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, monospace"
EDGE = 12


def svg(title, screens):
    """screens: [(caption or "", lines)], one below the other; lines as of Terminal.shown()."""
    columns = max(len(line) for _, lines in screens for line in lines)
    columns = max(columns, *(len(caption) for caption, _ in screens))
    texts, row = [], 0
    for caption, lines in screens:
        if caption:
            texts.append(text(row, 0, caption, f'fill="{CAPTION}"'))
            row += 1
        for line in lines:
            texts += words(row, line)
            row += 1
        row += 1
    width, height = round(columns * WIDTH) + 2 * EDGE, (row - 1) * HEIGHT + 2 * EDGE
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img">\n<title>{escape(title)}</title>\n'
            f'<rect width="100%" height="100%" rx="6" fill="{PAPER}"/>\n'
            f'<g font-family="{FONT}" font-size="{SIZE}" fill="{INK}" xml:space="preserve">\n'
            + "\n".join(texts) + "\n</g>\n</svg>\n")


def words(row, line):
    """The words of a line, each where its column is, whatever font it is shown in."""
    column, found = 0, []
    for (style, blank), cells in groupby(line, lambda cell: (cell.style, cell.letter == " ")):
        word = "".join(cell.letter for cell in cells)
        if not blank:
            found.append(text(row, column, word, attributes(style)))
        column += len(word)
    return found


def text(row, column, word, attribute=""):
    x, y = EDGE + column * WIDTH, EDGE + row * HEIGHT + SIZE
    length = f'textLength="{len(word) * WIDTH:.1f}"'
    return f'<text x="{x:.1f}" y="{y}" {length} {attribute}'.rstrip() + f'>{escape(word)}</text>'


def attributes(style):
    colours = [f'fill="{COLOURS[number]}"' for number in style if number in COLOURS]
    return " ".join(colours + ['font-weight="bold"'] * (BOLD in style))
