package logs

import "strings"

// split cuts a path before its last element. Neither part is cleaned: ".." leads to where the links before it do.
func split(path string) (directory, last string) {
	switch i := strings.LastIndexByte(path, '/'); i {
	case -1:
		return ".", path
	case 0:
		return "/", path[1:]
	default:
		return path[:i], path[i+1:]
	}
}

// behind is the path that a link called name leads to.
func behind(name, target string) string {
	if strings.HasPrefix(target, "/") {
		return target
	}
	directory, _ := split(name)
	return directory + "/" + target
}
