"""What users get wrong outside of volumes: in a sheet, a list, parameters, a model, a command line."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from models import TINY, write_model

HEADER = "scan,subject,image,label,split,mask,age,sex,site"

BAD_VALUES = [
    ("label", "XX", "write one of CN, EMCI, MCI, LMCI, AD, or say what it stands for, as in --label_codes"),
    ("label", "0", "write one of"),
    ("label", "1", "a number means another one in each study; write one of"),
    ("label", "3", "a number means another one in each study; write one of"),
    ("label", "6", "write one of"),
    ("label", "n/a", "every row needs its label"),
    ("label", "5.0", "write one of"),
    ("label", "-1", "write one of"),
    ("label", "1;5", "write one of"),
    ("label", "Alzheimer", "write one of"),
    ("label", "CN AD", "write one of"),
    ("label", "", "every row needs its label"),
    ("scan", "", "every row needs its scan"),
    ("scan", "a b", "a letter or digit first"),
    ("scan", "-rf", "a letter or digit first"),
    ("scan", ".hidden", "a letter or digit first"),
    ("scan", "../up", "write letters, digits"),
    ("scan", "a/b", "write letters, digits"),
    ("scan", "a'b", "write letters, digits"),
    ("scan", 'a"b', "write letters, digits"),
    ("scan", "a\nb", "write letters, digits"),
    ("scan", "a\u200bb", "write letters, digits"),
    ("scan", "à", "write letters, digits"),
    ("scan", "$(id)", "write letters, digits"),
    ("scan", "x" * 129, "at most 128"),
    ("subject", "", "every row needs its subject"),
    ("subject", "NA", "write the id itself"),
    ("subject", "nan", "write the id itself"),
    ("subject", "p;1", "write letters, digits"),
    ("image", "", "every row needs its image"),
    ("image", "$HOME/a.nii", "rename it without that character"),
    ("image", "`id`.nii", "rename it without that character"),
    ("image", "a'b.nii", "rename it without that character"),
    ("image", "a*.nii", "rename it without that character"),
    ("image", "a?.nii", "rename it without that character"),
    ("image", "a[1].nii", "rename it without that character"),
    ("image", "{a}.nii", "rename it without that character"),
    ("image", "a\tb.nii", "rename it without that character"),
    ("image", "a\x00b.nii", "rename it without that character"),
    ("image", "a\u2028b.nii", "rename it without that character"),
    ("image", "data\\a.nii", "write / between folders"),
    ("mask", "m$.nii", "rename it without that character"),
    ("split", "training", "write one of these or leave it empty"),
    ("age", "141", "write a number from 0 to 120"),
    ("age", "-1", "write a number from 0 to 120"),
    ("age", "old", "write a number from 0 to 120"),
    ("age", "7_2", "write a number from 0 to 120"),
    ("age", "inf", "write a number from 0 to 120"),
    ("sex", "X", "write one of these or leave it empty"),
    ("site", "=1+2", "write the name of the site"),
    ("site", "@SUM(A1)", "write the name of the site"),
    ("site", "`id`", "rename it without that character"),
]

BAD_SHEETS = [
    ("scan,subject,image,lable\na,p,a.nii,CN", ["row 1, lable: 'lable' is no column", "did you mean 'label'?"]),
    ("scan,subject,image,lable\na,p,a.nii,CN", ["row 1, label: the column is missing"]),
    ("scan,subject_id,image,label\na,p,a.nii,CN", ["row 1, subject_id: 'subject_id' is no column", "mean 'subject'?"]),
    ("scan,subject,image,label,S e x\na,p,a.nii,CN,F", ["row 1, S e x: 'S e x' is no column", "did you mean 'sex'?"]),
    ("scan,subject,image,label,gender\na,p,a.nii,CN,F", ["row 1, gender: 'gender' is no column", "mean 'sex'?"]),
    ("scan,subject,image,label,contorl\na,p,a.nii,CN,no", ["'contorl' is no column", "did you mean 'control'?"]),
    ("scan,subject,image,label,SSIM\na,p,a.nii,CN,1", ["row 1, SSIM: 'SSIM' is what tables/scans.csv calls a column"]),
    ("scan,subject,image,label,outlier\na,p,a.nii,CN,1", ["row 1, outlier: 'outlier' is what tables/scans.csv calls"]),
    ("scan,subject,image,label,@note\na,p,a.nii,CN,1", ["row 1, @note: '@note' begins with '@', as a formula does"]),
    ("scan,subject,image,label,note,Note\na,p,a.nii,CN,1,1", ["row 1, note: 'Note' is there twice; keep one column"]),
    ("scan,subject,image,label,note\na,p,a.nii,CN,=1+2", ["row 2, note: '=1+2' begins with '=', as a formula does"]),
    ("scan,subject,image,label,note\na,p,a.nii,CN,-x", ["row 2, note: '-x' begins with '-', as a formula does; write"]),
    ("scan,subject,image,label,note\na,p,a.nii,CN,+49 1", ["row 2, note: '+49 1' begins with '+', as a formula does"]),
    ("scan,subject,image,label,note\na,p,a.nii,CN,@a", ["row 2, note: '@a' begins with '@', as a formula does; write"]),
    ("scan,subject,image,label,note\na,p,a.nii,CN,a\x07b", ["row 2, note: 'a\\x07b' contains '\\x07', which no table"]),
    ("scan,subject,image,label,Label\na,p,a.nii,CN,CN", ["row 1, label: 'Label' is there twice; keep one"]),
    ("scan,subject,image,label\na,p,a,1.nii,CN", ["row 2: has 5 fields where the header has 4", "double quotes"]),
    ("scan,subject,image,label\na,p,a.nii", ["row 2: has 3 fields where the header has 4"]),
    ("scan,subject,image,label,\na,p,a.nii,CN,note", ["row 2: 'note' stands in a column without a name"]),
    ("scan;subject;image;label\na;p;a.nii;CN", ["row 1: the columns are separated by semicolons; save"]),
    ("scan\tsubject\timage\tlabel\na\tp\ta.nii\tCN", ["row 1: the columns are separated by tabs"]),
    ("sep=;\nscan;subject;image;label\na;p;a.nii;CN", ["row 2: the columns are separated by semicolons; save"]),
    ("scan|subject|image|label\na|p|a.nii|CN", ["row 1: 'scan|subject|image|label' names no column of a sheet; let"]),
    ('scan,subject,image,label\na,p,"a.nii,CN\n', ["row 2: is not valid CSV", "partner"]),
    ("", ["sheet.csv: holds no scan; add a row"]),
    ("scan,subject,image,label\n", ["sheet.csv: holds no scan; add a row"]),
    ("scan,subject,image,label\na,p,a.nii,CN\nA,q,b.nii,AD", ["row 3, scan: 'A' is also the id of row 2"]),
    ("scan,subject,image,label\na,p,a.nii,CN\nb,P,b.nii,CN", ["row 3, subject: 'P' and 'p' of row 2 differ in case"]),
    ('scan,subject,image,label\na,p,"a\nb.nii",XX', ["row 2, label: 'XX'"]),
    ('scan,subject,image,label\na,p,"a\nb.nii",CN\nb,q,b.nii,XX', ["row 4, label: 'XX'"]),
]

NAMES = ("cn0", "cn1", "ad0", "ad1")
ONE_LINE_SHEETS = [
    ("# made by hand\nscan,subject,image,label\na,p,a.nii,CN\nb,q,b.nii,AD", "row 1: '# made by hand' names no column"),
    (
        "My cohort,,,\nscan,subject,image,label\na,p,a.nii,CN",
        "row 1: 'My cohort,,,' names no column of a sheet; let the",
    ),
    ("cn0,cn0,cn0.nii,CN\ncn1,cn1,cn1.nii,CN", "let the sheet begin with a line such as scan,subject,image,label"),
    ("sep=;\nscan;subject;image;label\na;p;a.nii;CN\nb;q;b.nii;AD", "row 2: the columns are separated by semicolons"),
    (
        "scan,subject,image,label\ncn0,cn0,cn0.nii,CN\n#cn1,cn1,cn1.nii,CN\n# old\nad0,ad0,ad0.nii,AD",
        "row 3: begins with #, and a sheet has no comments; remove the line; the same in row 4",
    ),
    (
        "scan,subject,image,label\n" + "".join(f"{n},{n}p,img/{n}.nii,{'CN' if n % 2 else 'AD'}\n" for n in range(300)),
        "img/0.nii' cannot be found (No such file or directory); correct the path; 299 more like this: '",
    ),
    (
        ",scan,subject,image,label\n" + "".join(f"{n},s{n},p{n},{x}.nii,{x[:2]}\n" for n, x in enumerate(NAMES, 7)),
        "row 2: '7' stands in a column without a name; name it in the header; 3 more like this: '8' (row 3), '9' (row",
    ),
    (
        "scan,subject,image,label\n" + "".join(f"a {n},p{n},{name}.nii,{name[:2]}\n" for n, name in enumerate(NAMES)),
        "row 2, scan: 'a 0' is no id; write letters, digits, _ . and - only, a letter or digit first; 3 more like this",
    ),
    ("scan,subject,image,label\ncn0,cn0,cn0.nii,1\ncn1,cn1,cn1.nii,1\nad0,ad0,ad0.nii,1", "label: '1' is no class"),
]
"""Sheets of which a mistake runs through every row, and the one line about it."""

BAD_ENTRIES = [
    ({"image": "a.nii", "label": 5}, "entry 1, label: '5' is no class, and a number means another one in each study"),
    ({"image": "a.nii", "slice_label": 9}, "entry 1, label: '9' is no class"),
    ({"image": "a.nii"}, "entry 1, label: is empty"),
    ({"slice_label": 1}, "entry 1, image: is empty"),
    ({"imge": "a.nii", "slice_label": 1}, "entry 1, imge: 'imge' is no key of a scan; did you mean 'image'?"),
    ({"image": "a.nii", "lable": 1}, "entry 1, lable: 'lable' is no key of a scan; did you mean 'label'?"),
    ({"image": "a.nii", "slice_label": 1, "psnr": 1}, "entry 1, psnr: 'psnr' is what tables/scans.csv calls a column"),
    ({"image": "a.nii", "slice_label": 1, "": 1}, "entry 1: a column without a name; give it one"),
    ({"image": "a.nii", "slice_label": 1, "note": "=1"}, "entry 1, note: '=1' begins with '=', as a formula does"),
    ({"image": "a.nii", "slice_label": 1, "note": [1]}, "entry 1, note: [1] is neither text nor number"),
    ({"image": "a.nii", "slice_label": 1, "note": "\ud800"}, "entry 1, note: '\\ud800' contains '\\ud800', which no"),
    ({"image": ["a.nii"], "slice_label": 1}, "entry 1, image: ['a.nii'] is neither text nor number"),
    ({"image": "a.nii", "slice_label": True}, "entry 1, slice_label: True is neither text nor number"),
    ({"image": "a.nii", "slice_label": 1, "label": 2}, "entry 1, label: both 'label' and 'slice_label'"),
    ({"image": "a b.nii", "slice_label": 1}, "entry 1, scan: the file name 'a b' is no id; add a \"scan\""),
    ("a.nii", "entry 1: 'a.nii' is no object"),
]

BAD_JSON = [
    ('[\n  {"image": "a.nii", "slice_label": 1}\n  {"image": "b.nii", "slice_label": 1}\n]', "line 3, column 3"),
    ('[{"image": "a.nii", "slice_label": 1}', "line 1, column 38"),
    ('{"training": []}', "holds no list"),
    ("[" * 100_000, "cannot be read as a list of scans"),
    ('[{"image": "a.nii", "slice_label": ' + "1" * 5000 + "}]", "cannot be read as a list of scans"),
    ("[]", "holds no scan"),
]

BAD_SCANS = [
    ("{ad0.nii.gz", "--scan: line 1, column 2: is not valid JSON"),
    ("[1]", "--scan: '[1]' is no object; write it like"),
    ("gone.nii", "--scan, image: '"),
    ('{"image": "cn0.nii", "label": "XX"}', "--scan, label: 'XX' is no class"),
    ("$HOME/head.nii", "--scan, image: '$HOME/head.nii' contains '$'"),
    ('{"image": "gone.nii", "label": 5}', "--scan, image: '"),
    ('{"image": "\\ud800.nii", "label": 5, "scan": "a"}', "--scan, image: '\\ud800.nii' contains '\\ud800'"),
]
"""Text of --scan, and how the line begins that refuses it."""


BAD_COHORTS = [
    ("one class only", ["a,p,cn0.nii,CN", "b,q,cn1.nii,CN"], "split: the classes to train on are CN; add a subject of"),
    ("no healthy scan", ["a,p,cn0.nii,AD", "b,q,cn1.nii,MCI"], "add a subject of the healthy class CN to train on"),
    (
        "one subject",
        ["a,p,cn0.nii,CN"],
        "split: the classes to train on are CN; add a subject of another class than CN",
    ),
    ("all held out", ["a,p,cn0.nii,CN,test", "b,q,ad0.nii,AD,test"], "split: the classes to train on are none; add"),
    (
        "subject across splits",
        ["a,p,cn0.nii,CN,train", "b,p,cn1.nii,CN,test", "c,q,ad0.nii,AD,train"],
        "row 3, split: subject 'p' is in 'test' here and in 'train' at row 2; give all scans of a subject the same",
    ),
    (
        "split half filled",
        ["a,p,cn0.nii,CN,train", "b,q,ad0.nii,AD,train", "c,r,cn1.nii,CN,"],
        "split: is empty in row 4 but not in others; fill it for all scans or for none",
    ),
    (
        "same file twice",
        ["a,p,cn0.nii,CN", "b,q,ad0.nii,AD", "c,r,./cn0.nii,CN"],
        "row 4, image: '{folder}/cn0.nii' has the same voxels as row 2 ('{folder}/cn0.nii'); keep one of them",
    ),
    (
        "same voxels in two files",
        ["a,p,cn0.nii,CN", "b,q,ad0.nii,AD", "c,r,copy.nii.gz,AD"],
        "row 4, image: '{folder}/copy.nii.gz' has the same voxels as row 2 ('{folder}/cn0.nii'); keep one of them",
    ),
    (
        "two names of one subject",
        ["a,p,cn0.nii,CN", "b,P,cn1.nii,CN", "c,q,ad0.nii,AD"],
        "row 3, subject: 'P' and 'p' of row 2 differ in case only; write one subject's id one way",
    ),
]
"""Rows of a sheet of good volumes, and the one line about them."""


BAD_PARAMETERS: list[tuple[str | bytes, list[str]]] = [
    ('{"inptu": "x.csv", "simulate": 5}', ["parameter inptu: 'inptu' is no parameter; did you mean input?"]),
    ('{"simulate": 4}', ["parameter simulate: 4 is not valid; give a whole number at least 5"]),
    ('{"simulate": "many"}', ["parameter simulate: 'many' is not valid; give a whole number"]),
    ('{"simulate": 1e400}', ["parameter simulate: inf is not valid; give a whole number"]),
    ('{"simulate": NaN}', ["parameter simulate: nan is not valid; give a whole number"]),
    ('{"simulate": [5]}', ["parameter simulate: [5] is not valid; give a whole number"]),
    ('{"simulate": 5, "input": "s.csv"}', ["parameter simulate: input and simulate are given at once; give one"]),
    ("{}", ["parameter input: no scans are given; give --input"]),
    ('{"simulate": 5, "outdir": "$(touch mark)"}', ["parameter outdir: '$(touch mark)' is not valid; give a folder's"]),
    ('{"simulate": 5, "outdir": "a\\nb"}', ["parameter outdir: 'a\\nb' contains a control character; remove it"]),
    ('{"simulate": 5, "device": "tpu"}', ["parameter device: 'tpu' is not valid; give one of auto, cuda, mps, cpu"]),
    ('{"simulate": 5, "healthy": "well"}', ["parameter healthy: 'well' is none of the classes; give one of CN, EMCI"]),
    ('{"simulate": 5, "seed": -1}', ["parameter seed: -1 is not valid; give a whole number at least 0"]),
    ('{"simulate": 5, "skip_bad_scans": "maybe"}', ["parameter skip_bad_scans: 'maybe' is not valid; give true or"]),
    ('{"simulate": 5, "label_codes": "1,2,3"}', ["parameter label_codes: '1,2,3' is not valid; give what values of"]),
    ('{"simulate": 5, "label_codes": "1=sick"}', ["parameter label_codes: '1=sick' is no value=CLASS; give pairs"]),
    ('{"simulate": 5, "label_codes": "cn=AD,ad=CN"}', ["label_codes: 'cn' is the class CN and stands for no other"]),
    ('{"simulate": 5, "label_codes": "1=CN,1=AD"}', ["parameter label_codes: '1' stands for both CN and AD; give one"]),
    ('{"simulate": 5, "t1w_filter": "norm"}', ["parameter t1w_filter: 'norm' is not valid; give parts of an image's"]),
    ('{"simulate": 5, "t1w_filter": "ses-1"}', ["t1w_filter: 'ses-1' is no part that tells images of one visit ap"]),
    ('{"simulate": 5, "pseudonymise": true}', ["parameter pseudonymise: true needs a secret; give --pseudonym_salt"]),
    (
        '{"simulate": 5, "pseudonym_salt": "short"}',
        ["parameter pseudonym_salt: 'short' is not valid; give a secret of"],
    ),
    ('{"simulate": 5,}', ["parameters.json: line 1, column 1", "is not valid JSON"]),
    ("[1]", ["parameters.json: holds no object; write"]),
    ("[" * 100_000, ["parameters.json: cannot be read"]),
    (b'{"simulate": 5, "outdir": "\xe9t\xe9"}', ["parameters.json: cannot be read", "as UTF-8 text"]),
]
"""A file of parameters, and what the one line about it says."""


class Payload:
    """Leaves a mark when it is unpickled by a loader that runs what it reads."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.mark),)


def folder_of(*edits: Callable[[Path], object]) -> Callable[[Path], list[str]]:
    """Return what makes a model folder, spoils it, and gives the options that name it."""

    def make(folder: Path) -> list[str]:
        model = write_model(folder / "model")
        for edit in edits:
            edit(model)
        return ["--model", str(model)]

    return make


def pair_of(unet: Callable[[Path], object], embedding: Callable[[Path], object]) -> Callable[[Path], list[str]]:
    """Return what writes a pair of .pt files, and gives the options that name them."""

    def make(folder: Path) -> list[str]:
        for name, write in (("x.pt", unet), ("x_emb.pt", embedding)):
            write(folder / name)
        return ["--model", str(folder / "x.pt"), "--embedding", str(folder / "x_emb.pt")]

    return make


def without(name: str) -> Callable[[Path], object]:
    return lambda model: (model / name).unlink()


def holding(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda model: (model / name).write_bytes(content)


def halved(name: str) -> Callable[[Path], object]:
    def edit(model: Path) -> None:
        content = (model / name).read_bytes()
        (model / name).write_bytes(content[: len(content) // 2])

    return edit


def saying(**values: Any) -> Callable[[Path], object]:
    def edit(model: Path) -> None:
        config = json.loads((model / "config.json").read_text())
        (model / "config.json").write_text(json.dumps(config | values))

    return edit


def described(**values: Any) -> Callable[[Path], object]:
    def edit(model: Path) -> None:
        config = json.loads((model / "config.json").read_text())
        config["architecture"] |= values
        (model / "config.json").write_text(json.dumps(config))

    return edit


def of_another(name: str, **values: Any) -> Callable[[Path], object]:
    """Put in the file of another model."""

    def edit(model: Path) -> None:
        from dataclasses import replace

        other = write_model(model.parent / "other", replace(TINY, **values))
        (other / name).rename(model / name)

    return edit


def tensors(**shapes: tuple[int, ...]) -> Callable[[Path], object]:
    return lambda path: torch.save({name: torch.zeros(shape) for name, shape in shapes.items()}, path)


def hostile(path: Path) -> None:
    torch.save({"weight": Payload(path.parent / "mark")}, path)


NO_ROW = {"weight": torch.zeros(0, 8)}
EMBEDDING = tensors(weight=(6, 8))
TUNED = "scan,subject,label,healthy,guidance_scale,noise_depth,gap,error,model,ddim_steps,inversion_iterations,every"
INJECTION = ["$(touch mark)", "0.6"]

BAD_MODELS: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "no folder": (lambda folder: ["--model", str(folder / "none")], "none' does not exist; give a model's folder"),
    "empty folder": (
        folder_of(without("config.json")),
        "model' has no config.json; give the folder that training wrote",
    ),
    "no embedding": (folder_of(without("embedding.safetensors")), "model' has no embedding.safetensors; give"),
    "half-written weights": (folder_of(halved("diffusion.safetensors")), "diffusion.safetensors' cannot be read"),
    "half-written embedding": (folder_of(halved("embedding.safetensors")), "embedding.safetensors' cannot be read"),
    "half-written config": (folder_of(halved("config.json")), "is not valid JSON"),
    "empty weights": (folder_of(holding("diffusion.safetensors", b"")), "diffusion.safetensors' cannot be read"),
    "pickle named safetensors": (
        folder_of(lambda model: hostile(model / "diffusion.safetensors")),
        "diffusion.safetensors' cannot be read",
    ),
    "config of bytes": (folder_of(holding("config.json", b"\xff\xfe")), "config.json' cannot be read"),
    "config is a list": (folder_of(holding("config.json", b"[]")), "config.json' holds no object; copy it afresh"),
    "config too deep": (folder_of(holding("config.json", b"[" * 100_000)), "config.json' cannot be read"),
    "no architecture": (folder_of(saying(architecture=None)), "config.json: describes no architecture"),
    "other channels": (folder_of(described(channels=[32, 32])), "channels is [32, 32], but (16, 16) in diffusion"),
    "monstrous channels": (folder_of(described(channels=[2**40, 2**40])), "but (16, 16) in diffusion.safetensors"),
    "unknown field": (folder_of(described(depth=3)), "depth is 3, but None in diffusion.safetensors"),
    "no heads": (folder_of(described(head_channels=0)), "head_channels 0 is no number above 0"),
    "uneven heads": (folder_of(described(head_channels=5)), "the tensors do not fit the network"),
    "heads wider than channels": (folder_of(described(head_channels=64)), "the tensors do not fit the network"),
    "embedding without a row": (
        folder_of(described(conditions=0), lambda model: save_file(NO_ROW, model / "embedding.safetensors")),
        "make no network",
    ),
    "weights of another network": (
        folder_of(of_another("diffusion.safetensors", channels=(8, 8))),
        "channels is [16, 16], but (8, 8) in diffusion.safetensors; give files of one training",
    ),
    "embedding of another size": (
        folder_of(of_another("embedding.safetensors", conditioning_dim=16)),
        "conditioning_dim is 8, but 16 in diffusion.safetensors; give files of one training",
    ),
    "embedding in place of weights": (
        folder_of(lambda model: (model / "embedding.safetensors").replace(model / "diffusion.safetensors")),
        "has no embedding.safetensors",
    ),
    "size beyond memory": (folder_of(saying(size=10**9)), "has no valid size; give a model of this pipeline"),
    "range that is a command": (folder_of(saying(slice_range=INJECTION)), "has no valid slice_range; give a model"),
    "range upside down": (folder_of(saying(slice_range=[0.6, 0.4])), "has no valid slice_range; give a model"),
    "field that is no number": (folder_of(saying(fov=float("nan"))), "has no valid fov; give a model"),
    "pickle with code": (pair_of(hostile, hostile), "x.pt: refused, since it holds more than tensors or is damaged"),
    "embedding with code": (pair_of(tensors(a=(1,)), hostile), "x_emb.pt: refused, since it holds more than tensors"),
    "rubbish named .pt": (pair_of(lambda path: path.write_bytes(b"rubbish"), EMBEDDING), "x.pt: refused"),
    "empty .pt": (pair_of(Path.touch, EMBEDDING), "x.pt' is an empty file; copy it afresh"),
    "a list in .pt": (pair_of(lambda path: torch.save([1], path), EMBEDDING), "x.pt: holds no state dict of tensors"),
    "another network in .pt": (pair_of(tensors(weight=(2, 2)), EMBEDDING), "x.pt: no state dict of monai-generative's"),
    "embedding that is no table": (pair_of(tensors(a=(1,)), tensors(weight=(6,))), "the embedding is no table"),
}
"""What makes a model in a folder and names it, and what the one line about it says."""


def scan_options(folder: Path, **values: str) -> list[str]:
    given = {"scan": "a", "subject": "p", "label": "CN", "size": "32", "out": str(folder / "new")} | values
    return [text for name, value in given.items() for text in (f"--{name}", value)]


def written(folder: Path, name: str, text: str) -> Path:
    """Write a file beside the volumes, as they were before any test."""
    path = folder / "made" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def out(folder: Path) -> list[str]:
    return ["--out", str(folder / "new")]


def reconstruct_options(folder: Path, settings: str) -> list[str]:
    given = ["--settings", str(written(folder, "settings.json", settings)), "--model", str(folder / "model")]
    return [str(folder / "empty"), *given, *out(folder)]


def tables(folder: Path, **scans: list[tuple[str, int, int]]) -> list[str]:
    """Write what tune.py measured: of each scan, under which healthy class, guidance and depth."""
    return [
        str(
            written(
                folder, f"{scan}.csv", "\n".join([TUNED, *(f"{scan},p,AD,{h},{g},{d},1,1,m,1,1,1" for h, g, d in rows)])
            )
        )
        for scan, rows in scans.items()
    ]


BAD_COMMANDS: dict[str, tuple[str, Callable[[Path], list[str]], str]] = {
    "slice: no volume": ("slice", lambda f: [str(f / "rubbish.nii"), *scan_options(f)], "rubbish.nii' cannot be read"),
    "slice: nothing in it": (
        "slice",
        lambda f: [str(f / "zero.nii"), *scan_options(f)],
        "zero.nii' holds the value 0 everywhere",
    ),
    "slice: bad mask": (
        "slice",
        lambda f: [str(f / "cn0.nii"), *scan_options(f, mask=str(f / "rubbish.nii"))],
        "rubbish.nii' cannot be read as NIfTI",
    ),
    "slice: id that climbs": (
        "slice",
        lambda f: [str(f / "cn0.nii"), *scan_options(f, scan="../a")],
        "Invalid value for '--scan': '../a' is no id; write letters, digits",
    ),
    "slice: subject that is a command": (
        "slice",
        lambda f: [str(f / "cn0.nii"), *scan_options(f, subject="$(touch mark)")],
        "Invalid value for '--subject': '$(touch mark)' is no id",
    ),
    "slice: no class": (
        "slice",
        lambda f: [str(f / "cn0.nii"), *scan_options(f, label="ill")],
        "'ill' is no class; write one of CN, EMCI, MCI, LMCI, AD",
    ),
    "slice: a number for a class": (
        "slice",
        lambda f: [str(f / "cn0.nii"), *scan_options(f, label="5")],
        "'5' is no class, and a number means another one in each study; write one of CN, EMCI, MCI, LMCI, AD",
    ),
    "slice: out is a file": (
        "slice",
        lambda f: [str(f / "cn0.nii"), *scan_options(f, out=str(f / "cn1.nii"))],
        "cn1.nii' is a file",
    ),
    "slice: out within a file": (
        "slice",
        lambda f: [str(f / "cn0.nii"), *scan_options(f, out=str(f / "cn1.nii/out"))],
        "Not a directory; give the path of a folder",
    ),
    "train: no scan": ("train", lambda f: ["--out", str(f / "new"), "--checkpoints", str(f / "new")], "SLICES"),
    "train: empty folder": (
        "train",
        lambda f: [str(f / "empty"), "--out", str(f / "new"), "--checkpoints", str(f / "new")],
        "empty/scan.json: No such file or directory; correct the path",
    ),
    "reconstruct: damaged slices": (
        "reconstruct",
        lambda f: [str(f / "damaged"), "--model", str(f / "model"), "--out", str(f / "new")],
        "damaged/scan.json: damaged (",
    ),
    "map: damaged slices": (
        "map",
        lambda f: [str(f / "damaged"), str(f / "damaged"), str(f / "cn0.nii"), "--out", str(f / "new")],
        "damaged/scan.json: damaged (",
    ),
    "map: a score that there is not": (
        "map",
        lambda f: [str(f / "damaged"), str(f / "damaged"), str(f / "cn0.nii"), "--scores", "anomalie", *out(f)],
        "'anomalie' is none of round_trip, anomaly,",
    ),
    "reconstruct: a cube that there is not": (
        "reconstruct",
        lambda f: [str(f / "damaged"), "--model", str(f / "model"), "--cubes", "mahalanobis", *out(f)],
        "'mahalanobis' is none of health_direction, ensemble, perceptual",
    ),
    "score: damaged slices": (
        "score",
        lambda f: [str(f / "damaged"), "--reconstructions", str(f / "damaged"), "--maps", str(f / "damaged"), *out(f)],
        "damaged/scan.json: damaged (",
    ),
    "norm: damaged slices": (
        "norm",
        lambda f: [str(f / "damaged"), "--maps", str(f / "damaged"), "--out", str(f / "new")],
        "damaged/scan.json: damaged (",
    ),
    "choose: another table": (
        "choose",
        lambda f: [str(f / "samplesheet.csv"), "--out", str(f / "new")],
        "give the tables that tune.py wrote",
    ),
    "aggregate: empty folder": (
        "aggregate",
        lambda f: [str(f / "empty"), "--out", str(f / "new")],
        "empty: has no origin.json that tells what it was made of; score the scan again",
    ),
    "reconstruct: settings that are a list": (
        "reconstruct",
        lambda f: reconstruct_options(f, "[]"),
        "settings.json: damaged (ValueError: no JSON object); give the settings.json that choose.py wrote",
    ),
    "reconstruct: unknown setting": (
        "reconstruct",
        lambda f: reconstruct_options(f, '{"depth": 3}'),
        "settings.json: 'depth' is none of guidance_scale, noise_depth",
    ),
    "reconstruct: settings without a value": (
        "reconstruct",
        lambda f: reconstruct_options(f, '{"noise_depth": 99, "model": "a"}'),
        "settings.json: lacks guidance_scale; give the settings.json that choose.py wrote",
    ),
    "reconstruct: setting out of range": (
        "reconstruct",
        lambda f: reconstruct_options(f, '{"guidance_scale": 1, "noise_depth": 5000, "model": "a"}'),
        "settings.json: noise_depth 5000 is no number from 0 to 999",
    ),
    "reconstruct: setting that is no number": (
        "reconstruct",
        lambda f: reconstruct_options(f, '{"guidance_scale": NaN, "noise_depth": 99, "model": "a"}'),
        "settings.json: guidance_scale nan is no number from 0 to 50",
    ),
    "choose: a second table that is damaged": (
        "choose",
        lambda f: [str(written(f, "t.csv", TUNED)), str(written(f, "b.csv", 'scan,subject\n"a,b')), *out(f)],
        "b.csv: damaged (",
    ),
    "choose: a second table without a column": (
        "choose",
        lambda f: [str(written(f, "t.csv", TUNED)), str(written(f, "b.csv", "scan,subject\na,b")), *out(f)],
        "b.csv: lacks the column label, healthy, model, guidance_scale, noise_depth, gap, error, ddim_steps, ",
    ),
    "choose: tables of other pairs": (
        "choose",
        lambda f: [*tables(f, a=[("CN", 1, 99), ("CN", 3, 99)], b=[("CN", 3, 99)]), *out(f)],
        "b.csv: scan 'b' was measured under other guidance scales and depths than those of ",
    ),
    "choose: a scan twice": (
        "choose",
        lambda f: [*tables(f, a=[("CN", 1, 99)]), str(f / "made/../made/a.csv"), *out(f)],
        "a.csv: scan 'a' is in ",
    ),
    "choose: a table of another healthy class": (
        "choose",
        lambda f: [*tables(f, a=[("MCI", 1, 99)]), *out(f)],
        "a.csv: guidance led toward 'MCI', not 'CN'; tune again, or give --healthy",
    ),
    "choose: only a header": (
        "choose",
        lambda f: [str(written(f, "t.csv", TUNED)), *out(f)],
        "it takes two of each to choose settings",
    ),
    "aggregate: skipped without a column": (
        "aggregate",
        lambda f: [str(f / "empty"), "--skipped", str(written(f, "skipped.csv", "a,b")), *out(f)],
        "skipped.csv: lacks the column scan, subject, label, reason; check the scans again",
    ),
    "aggregate: model of another kind": (
        "aggregate",
        lambda f: [str(f / "empty"), "--model", str(written(f, "m/config.json", "[]").parent), *out(f)],
        "config.json: damaged (ValueError: no JSON object); copy the model afresh",
    ),
    "export_bids: another sheet": (
        "export_bids",
        lambda f: [str(f / "cn0.nii"), "--samplesheet", str(written(f, "s.csv", "a,b\n1,2")), *out(f)],
        "s.csv: damaged (KeyError: 'scan'); give the samplesheet.csv that check.py wrote",
    ),
    "simulate: nobody": ("simulate", lambda f: ["--subjects", "0", "--out", str(f / "new")], "0 is not in the range"),
}
"""A tool, its arguments in a folder, and what the last line says."""
