package codec

import "strings"

// parameters are the format parameters of a session description: "key=value;key=value".
type parameters string

// get returns the value of a parameter, or "". Names are case-insensitive.
func (p parameters) get(name string) string {
	for part := range strings.SplitSeq(string(p), ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}
