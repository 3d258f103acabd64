"""Reports: what runs found, as text to put into a paper, a pull request or a README."""
