"""The stages of a run, in their order."""

from qabwnas.pipeline import answers, front, lut, networks, report, supernet, teacher

STAGES = (
    teacher.STAGE,
    supernet.STAGE,
    lut.STAGE,
    front.STAGE,
    answers.STAGE,
    networks.STAGE,
    report.STAGE,
)
