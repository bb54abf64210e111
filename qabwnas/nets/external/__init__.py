"""Teachers made elsewhere: any torch module that can be traced, cut into stem, blocks and head."""
