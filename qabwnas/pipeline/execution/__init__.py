"""Where the jobs of a stage run: in this process, in others, on Ray, under torchrun."""
