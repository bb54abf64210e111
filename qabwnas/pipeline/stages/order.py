"""The stages of a run, in their order."""

from qabwnas.pipeline.stages import answers, data, front, lut, networks, report, supernet, teacher

STAGES = (
    data.STAGE,
    teacher.STAGE,
    supernet.STAGE,
    lut.STAGE,
    front.STAGE,
    answers.STAGE,
    networks.STAGE,
    report.STAGE,
)
