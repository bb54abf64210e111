"""A package outside of qabwnas: a task, a head and a cost metric of one's own."""
