"""The interactive page of ``qabwnas explore``: budgets on sliders, answered exactly; needs the extra ``explore``."""
