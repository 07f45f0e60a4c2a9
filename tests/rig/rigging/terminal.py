"""What a terminal shows of a program's output: enough of one for programs that print lines, in colours,
and begin anew at its top (ECMA-48: SGR, CUP, EL, ED)."""
import re
from typing import NamedTuple

ESCAPE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")


class Cell(NamedTuple):
    letter: str
    style: frozenset  # numbers of SGR


BLANK = Cell(" ", frozenset())


class Terminal:
    def __init__(self, columns, lines=1000):
        self.columns, self.height = columns, lines
        self.cells, self.row, self.column = [], 0, 0
        self.style = frozenset()

    def feed(self, text):
        """Shows what a program prints."""
        at = 0
        while at < len(text):
            if found := ESCAPE.match(text, at):
                self.escape(found[2], [int(n or 0) for n in found[1].strip("?").split(";")])
                at = found.end()
            else:
                self.letter(text[at])
                at += 1
        return self

    def letter(self, letter):
        if letter == "\n":
            self.row, self.column = self.row + 1, 0
        elif letter == "\r":
            self.column = 0
        elif letter.isprintable():
            if self.column == self.columns:
                self.row, self.column = self.row + 1, 0
            line = self.line()
            line += [BLANK] * (self.column + 1 - len(line))
            line[self.column] = Cell(letter, self.style)
            self.column += 1

    def line(self):
        self.cells += [[] for _ in range(self.row + 1 - len(self.cells))]
        return self.cells[self.row]

    def escape(self, what, numbers):
        if what == "m":
            for number in numbers:
                self.style = self.style | {number} if number else frozenset()
        elif what == "H":
            self.row = self.column = 0
        elif what == "K":
            del self.line()[self.column:]
        elif what == "J":
            del self.line()[self.column:], self.cells[self.row + 1:]

    def shown(self):
        """Its lines, without what is empty at the end of each and of all."""
        lines = [list(line) for line in self.cells]
        for line in lines:
            while line and line[-1] == BLANK:
                line.pop()
        while lines and not lines[-1]:
            lines.pop()
        return lines


def plain(lines):
    """The text alone."""
    return "\n".join("".join(cell.letter for cell in line) for line in lines)
