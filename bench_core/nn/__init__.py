"""Parts of networks that several methods share. It imports torch, so nothing that starts light may import it."""
