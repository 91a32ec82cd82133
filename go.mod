module github.com/sansrtc/rtc

go 1.26

require (
	github.com/pion/sdp/v3 v3.0.20
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/pion/randutil v0.1.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)
