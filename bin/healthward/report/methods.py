"""The methods of a run in words ready for a paper, from its own parameters, with what they cite."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from healthward import __version__
from healthward.cohort.comparisons import scopes
from healthward.cohort.summary import HEADLINE_SCORE, Cohort
from healthward.names import SCAN_VALUES
from healthward.wording import counted, listed

REFERENCES = {
    "fisch2024": "Fisch L, Zumdick S, Barkhau C, et al. deepbet: fast brain extraction of T1-weighted MRI using"
    " convolutional neural networks. Comput Biol Med 2024;179:108845.",
    "tustison2010": "Tustison NJ, Avants BB, Cook PA, et al. N4ITK: improved N3 bias correction. IEEE Trans Med Imaging"
    " 2010;29:1310–1320.",
    "mattes2003": "Mattes D, Haynor DR, Vesselle H, Lewellen TK, Eubank W. PET-CT image registration in the chest using"
    " free-form deformations. IEEE Trans Med Imaging 2003;22:120–128.",
    "ho2020": "Ho J, Jain A, Abbeel P. Denoising diffusion probabilistic models. NeurIPS 2020.",
    "dhariwal2021": "Dhariwal P, Nichol A. Diffusion models beat GANs on image synthesis. NeurIPS 2021.",
    "song2021": "Song J, Meng C, Ermon S. Denoising diffusion implicit models. ICLR 2021.",
    "ho2022": "Ho J, Salimans T. Classifier-free diffusion guidance. arXiv:2207.12598, 2022.",
    "li2023": "Li AC, Prabhudesai M, Duggal S, Brown E, Pathak D. Your diffusion model is secretly a zero-shot"
    " classifier. ICCV 2023.",
    "kascenas2022": "Kascenas A, Pugeault N, O'Neil AQ. Denoising autoencoders for unsupervised anomaly detection in"
    " brain MRI. MIDL 2022, PMLR 172:653–664.",
    "wang2004": "Wang Z, Bovik AC, Sheikh HR, Simoncelli EP. Image quality assessment: from error visibility to"
    " structural similarity. IEEE Trans Image Process 2004;13:600–612.",
    "smyth2004": "Smyth GK. Linear models and empirical Bayes methods for assessing differential expression in"
    " microarray experiments. Stat Appl Genet Mol Biol 2004;3(1):3.",
    "crawford1998": "Crawford JR, Howell DC. Comparing an individual's test score against norms derived from small"
    " samples. Clin Neuropsychol 1998;12:482–486.",
    "benjamini1995": "Benjamini Y, Hochberg Y. Controlling the false discovery rate. J R Stat Soc B 1995;57:289–300.",
    "newcombe2006": "Newcombe RG. Confidence intervals for an effect size measure based on the Mann–Whitney statistic."
    " Part 2. Stat Med 2006;25:559–573.",
    "jonckheere1954": "Jonckheere AR. A distribution-free k-sample test against ordered alternatives. Biometrika"
    " 1954;41:133–145.",
    "holm1979": "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65–70.",
    "dukart2011": "Dukart J, Schroeter ML, Mueller K. Age correction in dementia. PLoS ONE 2011;6:e22193.",
}


class Methods(NamedTuple):
    """Paragraphs that cite by number in brackets, and what the numbers stand for."""

    paragraphs: list[str]
    references: list[str]


class _Citations:
    """Numbers works in the order in which they are first cited."""

    def __init__(self) -> None:
        self.order: list[str] = []

    def __call__(self, *names: str) -> str:
        for name in names:
            if name not in self.order:
                self.order.append(name)
        return f"[{', '.join(str(self.order.index(name) + 1) for name in names)}]"


def methods_text(cohort: Cohort, parameters: Mapping[str, Any], model: Mapping[str, Any]) -> Methods:
    """Describe what was done.

    Args:
        cohort: the cohort.
        parameters: of the run, by the names of nextflow.config; what is not among them is not spoken of.
        model: config.json of the model, empty where it is unknown.
    """
    cite = _Citations()
    paragraphs = [
        _data(cohort, parameters, cite),
        _network(model, cite),
        _translation(parameters, cohort, cite),
        _scores(cohort, cite),
        _calibration(cohort, cite),
        _statistics(cohort, cite),
    ]
    return Methods([text for text in paragraphs if text], [REFERENCES[name] for name in cite.order])


def _data(cohort: Cohort, parameters: Mapping[str, Any], cite: _Citations) -> str:
    scans = cohort.scans
    sizes = []
    for label in cohort.classes.among(scans["label"]):
        members = scans[scans["label"] == label]
        sizes.append(f"{members['subject'].nunique()} {label}")
    splits = [(scans["split"] == split).sum() for split in ("train", "val", "test")]
    text = (
        f"Pseudo-healthy reconstructions were made with Healthward {__version__} of"
        f" {counted(len(scans), 'scan')} of {counted(scans['subject'].nunique(), 'subject')} ({', '.join(sizes)}), of"
        f" which {splits[0]} served for training, {splits[1]} for validation, and {splits[2]} were held out."
    )
    prepared = cohort.preparation
    registered = len(prepared) and prepared["tiv_ml"].notna().all()
    if len(prepared):
        text += _preparation(prepared, cite)
    if {"size", "fov", "slice_range"} <= parameters.keys():
        low, high = str(parameters["slice_range"]).split(",")
        spacing = float(parameters["fov"]) / int(parameters["size"])
        place = "in MNI152 space" if registered else "centred on the brain"
        darkest = "0.5th percentile" if registered else "median of the background"
        text += (
            f" Each scan was resampled to a cube of {parameters['size']}³ voxels of {spacing:.3g} mm, {place},"
            f" its intensities scaled from the {darkest} to the 99.5th percentile of the brain,"
            f" and cut into sagittal, coronal and axial slices between {float(low):.0%} and {float(high):.0%} of each"
            " axis."
        )
    return text


def _preparation(table: pd.DataFrame, cite: _Citations) -> str:
    heads = int((~table["stripped"].astype(bool)).sum())
    text = f" Brains were found by deepbet {cite('fisch2024')} in {counted(heads, 'head')}" if heads else ""
    text += f"{',' if heads else ' Brains were'} corrected for their bias field by N4 {cite('tustison2010')}" * bool(
        (table["bias"] > 0).any()
    )
    if table["tiv_ml"].notna().all():
        text += (
            f"{' and' if text else ' Brains were'} brought into MNI152 space by an affine of twelve parameters that"
            f" maximised mutual information {cite('mattes2003')}"
        )
    return f"{text}." if text else ""


def _network(model: Mapping[str, Any], cite: _Citations) -> str:
    training, schedule = model.get("training", {}), model.get("schedule", {})
    architecture = model.get("architecture", {})
    channels = listed(architecture.get("channels", []), most=9)
    text = f"A class-conditional denoising diffusion model of two-dimensional slices {cite('ho2020')}"
    text += f", a U-Net of {channels} channels," if channels else ""
    text += " conditioned on the class by cross-attention"
    if architecture.get("time_conditioning"):
        text += f" and by a vector added to the timestep's embedding {cite('dhariwal2021')}"
    text += ","
    text += " was trained to predict the noise"
    if "timesteps" in schedule:
        text += (
            f" (T = {schedule['timesteps']}, linear β from {schedule['beta_start']:g} to {schedule['beta_end']:g};"
            f" timesteps below {model.get('max_timestep', schedule['timesteps'])})"
        )
    if {"steps", "batch_size", "learning_rate", "condition_dropout", "ema_decay"} <= training.keys():
        text += (
            f" over {training['steps']} steps of {training['batch_size']} slices with a learning rate of"
            f" {training['learning_rate']:g}, classes in equal shares, the class dropped for"
            f" {training['condition_dropout']:.0%} of slices; weights averaged with a decay of"
            f" {training['ema_decay']:g} were used"
        )
    return f"{text}."


def _translation(parameters: Mapping[str, Any], cohort: Cohort, cite: _Citations) -> str:
    if not {"guidance_scale", "noise_depth", "ddim_steps", "inversion_iterations"} <= parameters.keys():
        return ""
    depth, scale = f"timestep {parameters['noise_depth']}", f"w = {parameters['guidance_scale']:g}"
    if parameters.get("tune"):
        # What was chosen is in tuning/settings.json, not among the parameters
        depth, scale = "a timestep", "a scale that were chosen on the validation scans"
    return (
        f"Each slice was inverted without a class to {depth} by deterministic DDIM"
        f" {cite('song2021')} in {parameters['ddim_steps']} steps, every step repeated as a fixed point up to"
        f" {parameters['inversion_iterations']} times, and decoded twice: without guidance, and toward class"
        f" {cohort.healthy} by classifier-free guidance {cite('ho2022')} with"
        f" {scale}. The slices of the three axes were averaged voxel by voxel."
    )


def _scores(cohort: Cohort, cite: _Citations) -> str:
    # Of the scans and not of the parameters, which need not name it
    tested_for = sorted(set(cohort.scans.get("log_odds_of", pd.Series()).dropna()))
    disease = f"class {' or '.join(tested_for)}" if tested_for else "the diseased class"
    text = (
        "Slices and their pseudo-healthy counterparts were compared by the structural similarity index"
        f" {cite('wang2004')} and further metrics. Log-odds of disease are a diffusion classifier's"
        f" {cite('li2023')}: but for a positive factor, how much better {disease} explains the noise in a scan's slices"
        f" than class {cohort.healthy}, as the difference of squared errors per pixel."
    )
    if "likeness_mean" in cohort.scans:
        text += (
            " The likeness map, a classifier's attribution, is √max(0, G ∗ (x − h) c), with x the"
            " scan, h its pseudo-healthy reconstruction, c the"
            f" change of the one-step denoised image from {cohort.healthy} to {disease}, and G a Gaussian of one voxel."
        )
    if "residual_mean" in cohort.scans:
        text += (
            " The residual map is the smoothed absolute difference of a scan and what one step denoises of it from"
            f" little noise, after denoising autoencoders {cite('kascenas2022')}."
        )
    return text


def _calibration(cohort: Cohort, cite: _Citations) -> str:
    if "abnormal_ml" not in cohort.scans:
        return "Maps were not calibrated, for want of held-out healthy subjects."
    controls = cohort.controls["subject"].nunique()
    return (
        f"Maps were compared voxel by voxel with those of {controls} {cohort.healthy} subjects that were not trained"
        " on, a control with the others: z is the departure from their mean in units of a standard deviation moderated"
        f" toward a spatially smooth prior {cite('smyth2004')}, widened for one case against a sample"
        f" {cite('crawford1998')}; p is the share of the controls' own voxels with a z as large. Voxels at a false"
        f" discovery rate of 5 % {cite('benjamini1995')} are called abnormal."
    )


def _statistics(cohort: Cohort, cite: _Citations) -> str:
    over = "held-out scans" if "test" in scopes(cohort.scans) else "all scans"
    name = SCAN_VALUES[HEADLINE_SCORE].lower()
    text = (
        f"Classes were compared over {over}, the scans of a subject averaged, with {name} named beforehand as the score"
        f" that counts: each class against {cohort.healthy} by Mann–Whitney tests, with the area under the ROC curve"
        f" and its 95 % interval {cite('newcombe2006')}, and over the order of classes by the test of Jonckheere and"
        f" Terpstra {cite('jonckheere1954')}. p-values were corrected over all scores {cite('holm1979')}; intervals of"
        " means are 95 % percentile bootstrap intervals over subjects."
    )
    if cohort.covariates:
        text += (
            f" Scores were also adjusted for {listed(cohort.covariates)} by a linear model of the controls"
            f" {cite('dukart2011')}."
        )
    return text
