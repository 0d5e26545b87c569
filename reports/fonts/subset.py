"""Makes the two fonts of this folder from Debian's fonts-noto-cjk.

    apt-get install fonts-noto-cjk && pip install fonttools
    python3 subset.py
"""

from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection

SOURCE = "/usr/share/fonts/opentype/noto/NotoSansCJK-{}.ttc"
FAMILY = "Noto Sans CJK SC"
# The Japanese face has these at Latin width; as wide as a hanzi they tear
# holes into English lines, and Chinese ones read as well with them narrow.
NARROW = "·•"
BLOCKS = [
    (0x0020, 0x007E), (0x00A0, 0x017F),  # ASCII, Latin-1, Latin Extended-A (as far as the face goes)
    (0x0391, 0x03C9),  # Greek
    (0x2000, 0x206F), (0x20A0, 0x20BF), (0x2100, 0x218F),  # punctuation, currency, numerals
    (0x2190, 0x22FF), (0x2460, 0x24FF),  # arrows, mathematics, circled numbers
    (0x2500, 0x266F),  # boxes, blocks, shapes
    (0x3000, 0x303F), (0x3300, 0x33FF), (0xFF00, 0xFFEF),  # CJK punctuation, units, fullwidth
]


def characters() -> set[int]:
    wanted = {code for first, last in BLOCKS for code in range(first, last + 1)}
    for high in range(0xB0, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                wanted.add(ord(bytes([high, low]).decode("gb2312")))
            except UnicodeDecodeError:
                pass
    return wanted


def face(collection: TTCollection, family: str):
    return next(f for f in collection.fonts if f["name"].getDebugName(1) == family)


for style in ["Regular", "Bold"]:
    collection = TTCollection(SOURCE.format(style))
    font = face(collection, FAMILY)
    # The faces of the collection share their glyphs, so a name is enough.
    japanese = face(collection, "Noto Sans CJK JP").getBestCmap()
    for table in font["cmap"].tables:
        for character in NARROW:
            if ord(character) in getattr(table, "cmap", {}):
                table.cmap[ord(character)] = japanese[ord(character)]
    options = subset.Options()
    options.hinting = False
    options.glyph_names = False
    options.notdef_outline = True
    # pwid holds the Latin-width quotation marks.
    options.layout_features = ["kern", "pwid"]
    options.name_languages = [0x409]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.drop_tables += ["vhea", "vmtx", "VORG", "BASE"]
    options.recalc_timestamp = False
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters())
    subsetter.subset(font)
    font.save(Path(__file__).parent / f"NotoSansCJKsc-{style}.otf")
