"""The parts of a workbook around its rows: types, relations, styles.

Source: ECMA-376 part 1, 12 (SpreadsheetML packages), 18.8 (styles); part 2, 10 (content types).
"""

import pyarrow as pa

from gateway.values import is_number

GENERAL, HEADER, DATE, SECONDS, MILLISECONDS, TEXT, DIGITS = range(7)
"""Indexes into the cell formats of ``styles``. A decimal's is DIGITS plus its scale: all its places are shown."""
MAX_SCALE = 15

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEET_ML = "application/vnd.openxmlformats-officedocument.spreadsheetml"

CONTENT_TYPES = (
    f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
    f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Default Extension="xml" ContentType="{_SHEET_ML}.worksheet+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET_ML}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_SHEET_ML}.styles+xml"/>'
    "</Types>"
)
"""Sheets are the default, so that this part can be the first though nobody knows their number."""

PACKAGE_RELATIONS = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)

SHEET_END = "</sheetData></worksheet>"


def sheet_name(number: int) -> str:
    """Return the name of a sheet, counted from 1."""
    return "result" if number == 1 else f"result {number}"


def workbook(sheet_count: int) -> str:
    sheets = "".join(
        f'<sheet name="{sheet_name(number)}" sheetId="{number}" r:id="rId{number}"/>'
        for number in range(1, sheet_count + 1)
    )
    return f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>'


def workbook_relations(sheet_count: int) -> str:
    sheets = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in range(1, sheet_count + 1)
    )
    styles = f'<Relationship Id="rId{sheet_count + 1}" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{sheets}{styles}</Relationships>'


def styles() -> str:
    """Return the style sheet whose cell formats the constants above count."""
    own = {164: "yyyy-mm-dd", 165: "yyyy-mm-dd hh:mm:ss", 166: "yyyy-mm-dd hh:mm:ss.000"}
    own |= {167 + scale: f"0.{'0' * scale}" for scale in range(1, MAX_SCALE + 1)}
    formats = "".join(f'<numFmt numFmtId="{number}" formatCode="{code}"/>' for number, code in own.items())
    used = [(0, 0), (0, 1), (164, 0), (165, 0), (166, 0), (49, 0), (1, 0)]  # format, font
    used += [(167 + scale, 0) for scale in range(1, MAX_SCALE + 1)]
    cells = "".join(
        f'<xf numFmtId="{number}" fontId="{font}" fillId="0" borderId="0" xfId="0"'
        f' applyNumberFormat="1" applyFont="1"/>'
        for number, font in used
    )
    face = '<sz val="11"/><name val="Calibri"/>'
    return (
        f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="{len(own)}">{formats}</numFmts>'
        f'<fonts count="2"><font>{face}</font><font><b/>{face}</font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(used)}">{cells}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


def sheet_start(schema: pa.Schema) -> str:
    """Return what comes before the first row: the header stays in sight, dates and long numbers have room."""
    widths = "".join(
        f'<col min="{number}" max="{number}" width="{_width(field.type)}" customWidth="1"/>'
        for number, field in enumerate(schema, start=1)
    )
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f"<cols>{widths}</cols><sheetData>\n"
    )


def _width(type_: pa.DataType) -> int:
    if pa.types.is_timestamp(type_):
        return 24
    return 17 if is_number(type_) or pa.types.is_string(type_) else 12
