# deb.cmake - the Debian package: `tools/package` makes it.
#
# One package, with the library and its headers. What it depends on, dpkg-shlibdeps finds out. Its scripts
# (packaging/deb) see to it that it never takes the system's dynamic linker with it.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME matr)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
if(DEFINED MATR_PACKAGE_VERSION)
	set(CPACK_PACKAGE_VERSION ${MATR_PACKAGE_VERSION})
endif()
set(CPACK_PACKAGE_VENDOR MatR)
set(CPACK_PACKAGE_CONTACT "The MatR authors <matr@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "stable linking for glibc systems")
set(CPACK_PACKAGE_DESCRIPTION "The dynamic linker works out at every start of a program which library
provides each symbol. MatR works it out once, when packages have changed, and
every start reuses it; anyone can list it, query it with SQL, and compare it
with what the dynamic linker would do. Files on disk are never rewritten, and
libraries stay shared.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES OFF) # deb-files.cmake does
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/packaging/deb-files.cmake)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
# For --format svg, and export --to (docs/dependencies.md).
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "graphviz, libpq5")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Its own libraries are in the package.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS
	${CMAKE_BINARY_DIR}/libmatr)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
	${CMAKE_SOURCE_DIR}/packaging/deb/postinst
	${CMAKE_SOURCE_DIR}/packaging/deb/prerm
	${CMAKE_SOURCE_DIR}/packaging/deb/postrm
	${CMAKE_SOURCE_DIR}/packaging/deb/triggers)
include(CPack)
