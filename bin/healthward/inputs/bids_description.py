"""The dataset_description.json of a BIDS dataset, without which a folder is none."""

import json
from pathlib import Path
from typing import Any

from healthward.inputs.sheet import Sheet
from healthward.wording import shown

DESCRIPTION = "dataset_description.json"


def read_description(root: Path, sheet: Sheet) -> dict[str, Any]:
    """Return what a dataset says of itself; empty where it is not valid, which is reported."""
    mend = f'write at least {{"Name": "…", "BIDSVersion": "1.10.0"}} to {DESCRIPTION}'
    try:
        found = json.loads((root / DESCRIPTION).read_text(encoding="utf-8-sig"))
    except OSError:
        sheet.report(0, "", f"the folder {shown(str(root))} is no BIDS dataset: it has no {DESCRIPTION}; {mend}")
    except ValueError as error:
        sheet.report(0, "", f"{DESCRIPTION} is not valid JSON ({error}); {mend}")
    else:
        if isinstance(found, dict) and {"Name", "BIDSVersion"} <= set(found):
            return found
        sheet.report(0, "", f"{DESCRIPTION} lacks Name or BIDSVersion; {mend}")
    return {}
