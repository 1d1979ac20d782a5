package repolint
