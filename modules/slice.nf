include { staged } from './inputs'

process SLICE {
    tag "${meta.id}"
    label 'scan'

    input:
    tuple val(meta), path(image, stageAs: 'image/*'), path(mask, stageAs: 'mask/*'), path(prepared, stageAs: 'prepared/*')
    val conform
    val args
    val code

    output:
    tuple val(meta), path("slices/${meta.id}"), emit: slices

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'slice.py' ${staged('image', image)} --scan ${meta.id} --subject '${meta.subject}' --label ${meta.label} --split ${meta.split} \\
        ${mask ? "--mask ${staged('mask', mask)}" : ''} ${prepared ? "--prepared prepared/${meta.id}" : ''} --out slices/${meta.id} \\
        --size ${conform.size} --slice-range ${conform.slice_range.join(' ')} --fov ${conform.fov} ${args}
    """

    stub:
    """
    'slice.py' --help > /dev/null
    mkdir -p slices/${meta.id}
    touch slices/${meta.id}/scan.json
    """
}
