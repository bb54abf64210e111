"""Networks: MBConv operations, the supernet, subnets extracted from it, teachers."""
