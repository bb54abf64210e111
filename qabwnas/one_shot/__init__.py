"""One-shot NAS, the baselines of block-wise search: supernets that are trained end to end, and their searches."""
