package child
