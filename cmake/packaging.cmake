# `cpack -G DEB` in a build folder makes the Debian package of what is built there: the program, its units, an example
# configuration, a Grafana dashboard and Prometheus' alert rules.
install(TARGETS sonde DESTINATION bin)
install(FILES packaging/gateway.yaml DESTINATION /etc/sonde)
install(FILES packaging/systemd/sonde-watch.service packaging/systemd/sonde-watch.socket DESTINATION /lib/systemd/system)
install(FILES packaging/grafana/sonde.json packaging/prometheus/sonde.rules.yml DESTINATION share/sonde)
install(FILES docs/operating.md docs/schema.md README.md LICENSE DESTINATION share/doc/sonde)

set(CPACK_PACKAGE_NAME sonde)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The authors of sonde <sonde@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "probes networks with up to a million connections in flight")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_GENERATOR DEB)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/packaging/debian/postinst
    ${CMAKE_SOURCE_DIR}/packaging/debian/prerm ${CMAKE_SOURCE_DIR}/packaging/debian/conffiles)
include(CPack)
