"""All that hangs on proposals is read by ``bundles``; ``symbols`` finds what a proposal was called."""
